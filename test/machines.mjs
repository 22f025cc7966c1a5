// The tests of containment on other machines: Debian's kernel with cgroup v2, x64 and arm64, as root and as a user who was
// delegated a control group. qemu emulates them, without KVM: slow, and the same everywhere. Packages come through apt and
// npm as they are set up here, into a folder that is removed; none is installed. Needs a Debian to get its packages from.
// Run: npm run test:machines [x64 arm64]
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

const PACKAGE = join(import.meta.dirname, '..');
const MACHINES = {
  x64: { debian: 'amd64', console: 'ttyS0', qemu: ['qemu-system-x86_64', '-machine', 'q35', '-cpu', 'max'] },
  arm64: {
    debian: 'arm64',
    console: 'ttyAMA0',
    qemu: ['qemu-system-aarch64', '-machine', 'virt', '-cpu', 'neoverse-n1'],
  },
};
const NEEDED = {
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  cpio: 'cpio',
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-system-aarch64': 'qemu-system-arm',
};
// what every Debian has, and what .ci/run adds
const DEBIAN =
  'base-files base-passwd bash bsdutils coreutils dash debianutils findutils grep gzip hostname kmod libc-bin mawk mount sed tar';
const ADDED = /^packages=\((.*)\)$/m.exec(readFileSync(join(PACKAGE, '.ci/run'), 'utf8'))?.[1] ?? '';
const TESTS = [
  'test/sandbox test/adapters/sandbox test/egress',
  'test/transcripts.test.ts --testNamePattern (exec|sandbox-check).txt',
];
// a processor that is emulated takes twenty times as long, and the seconds that palyra gives a client may be too few
const PATIENCE = '--testTimeout=600000 --hookTimeout=600000 --retry=1 --maxWorkers=1 --reporter=verbose --no-color';

const HOURS = 2; // that a machine may take

const wanted = process.argv.slice(2);
const chosen = Object.keys(MACHINES).filter((name) => wanted.length === 0 || wanted.includes(name));
if (chosen.length === 0) {
  console.error(`machines: ${Object.keys(MACHINES).join(' ')}`);
  process.exit(1);
}
const programs = ['apt-get', 'dpkg-deb', 'cpio', ...chosen.map((name) => MACHINES[name].qemu[0])];
const missing = programs.filter((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error !== undefined);
if (missing.length > 0) {
  console.error(`missing: ${missing.join(', ')}\n  apt-get install ${missing.map((name) => NEEDED[name]).join(' ')}`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), 'palyra-machines-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const outcomes = [];
for (const name of chosen) {
  const folder = join(scratch, name);
  const machine = { name, folder, ...MACHINES[name] };
  const kernel = debian(machine);
  palyra(machine);
  outcomes.push(outcomeOf(name, await boot(machine, kernel)));
  rmSync(folder, { recursive: true });
}
for (const { passed, line } of outcomes) console.log(`${passed ? 'passed' : 'FAILED'}  ${line}`);
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;

/** Unpack the packages of a small Debian below `root`, without running any of their scripts; its kernel's path. */
function debian({ name, folder, debian: architecture }) {
  say(name, 'packages');
  const root = join(folder, 'root');
  const apt = join(folder, 'apt');
  for (const inside of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(apt, inside), { recursive: true });
  writeFileSync(join(apt, 'status'), '');
  const settings = {
    'Dir::State': join(apt, 'state'),
    'Dir::State::status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': '', // it could not write here
  };
  const options = ['-qq', ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])];
  const packages = [`linux-image-cloud-${architecture}`, ...`${DEBIAN} ${ADDED} ca-certificates`.split(' ')];
  run('apt-get', [...options, 'update']);
  run('apt-get', [...options, '--yes', '--no-install-recommends', '--download-only', 'install', ...packages]);
  for (const inside of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(root, 'usr', inside), { recursive: true });
    symlinkSync(`usr/${inside}`, join(root, inside));
  }
  const archives = join(apt, 'cache/archives');
  for (const file of readdirSync(archives).filter((one) => one.endsWith('.deb'))) {
    run('sh', [
      '-c',
      'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
      'sh',
      join(archives, file),
      root,
    ]);
  }
  rmSync(apt, { recursive: true });
  rmSync(join(root, 'usr/share/doc'), { recursive: true });
  run('find', [join(root, 'usr/lib/modules'), '-type', 'f', '!', '-name', 'veth.ko', '-delete']);
  const kernel = readdirSync(join(root, 'boot')).find((one) => one.startsWith('vmlinuz-'));
  return join(root, 'boot', kernel);
}

/** This checkout below `root`, with what it needs on that machine, and the Node and npm that run this. */
function palyra({ name, folder }) {
  say(name, 'palyra');
  const home = join(folder, 'root/palyra');
  const own = ['.git', 'node_modules', 'dist'].map((one) => join(PACKAGE, one));
  cpSync(PACKAGE, home, { recursive: true, filter: (path) => !own.includes(path) });
  writeFileSync(join(home, 'tests'), TESTS.map((test) => `${test} ${PATIENCE}\n`).join(''));
  const there = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--os', 'linux', '--cpu', name];
  run('npm', ['ci', ...there, '--libc', 'glibc', '--prefix', home]);
  const node = `node-linux-${name}@${process.versions.node.split('.')[0]}`;
  const npm = `npm@${execFileSync('npm', ['--version'], { encoding: 'utf8' }).trim()}`;
  run('npm', ['install', ...there, '--force', '--prefix', join(folder, 'node'), node, npm]);
  const [modules, usr] = [join(folder, 'node/node_modules'), join(folder, 'root/usr')];
  cpSync(join(modules, `node-linux-${name}/bin/node`), join(usr, 'bin/node'));
  cpSync(join(modules, 'npm'), join(usr, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(usr, 'bin/npm'));
  cpSync(join(import.meta.dirname, 'machine.sh'), join(folder, 'root/init'));
}

/** Start it from memory, show what it says, and resolve with that, line by line. */
async function boot({ name, folder, qemu, console: serial }, kernel) {
  say(name, 'starts');
  const image = join(folder, 'image');
  run('sh', ['-c', 'cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 >"$2"', 'sh', join(folder, 'root'), image]);
  const [program, ...machine] = qemu;
  const started = ['-kernel', kernel, '-initrd', image, '-append', `console=${serial} quiet panic=-1`];
  const small = ['-m', '4096', '-smp', '1', '-accel', 'tcg', '-nographic', '-no-reboot', '-nic', 'none'];
  const child = spawn(program, [...machine, ...small, ...started], { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => child.kill('SIGKILL');
  process.prependListener('exit', stop);
  const timer = setTimeout(stop, HOURS * 3_600_000);
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(stripVTControlCharacters(line).trim());
    console.log(lines.at(-1));
  }
  clearTimeout(timer);
  return lines;
}

/** What its lines say: the machine itself, and how both suites ended. */
function outcomeOf(name, lines) {
  const said = lines.flatMap((line) => (line.startsWith('machine: ') ? [JSON.parse(line.slice(9))] : []));
  const suites = said.filter(({ as }) => as !== undefined);
  const checks = said.flatMap(({ machine }) => machine ?? []);
  const counts = lines.filter((line) => /^Tests +\d/.test(line));
  const sum = (word) =>
    counts.reduce((all, line) => all + Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0), 0);
  const passed =
    suites.length === 2 &&
    suites.every(({ exit, left }) => exit === 0 && left === '') &&
    checks.length === 2 &&
    checks.every(({ cgroup }) => cgroup === 'v2');
  const told = (key) =>
    [...new Set([...said, ...checks].map((one) => one[key]).filter((one) => one !== undefined))].join('/');
  const facts = `kernel ${told('kernel')}, ${told('architecture')}, cgroup ${told('cgroup')}, Landlock ${told('landlock_abi')}`;
  return {
    passed,
    line: `${name}: ${facts}: ${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`,
  };
}

function say(name, what) {
  console.log(`\n${name}: ${what}`);
}

/** Its output is shown only if it fails. */
function run(program, args) {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
