import { expect, test } from 'vitest';
import {
  type Architecture,
  AUDIT_ARCH,
  REFUSED,
  SYSCALLS,
  seccompProgram,
  UNAVAILABLE,
  UNMAPPED,
} from '../../src/sandbox/seccomp.ts';

const INTERNET = { seccomp: 'internet', memory: 'cgroup' } as const;
const ALLOW = 'allow';
const EPERM = 'errno 1';
const ENOSYS = 'errno 38';
const KILL = 'kill process';
const ARCHITECTURES: readonly Architecture[] = ['x64', 'arm64'];

test.each(ARCHITECTURES)('%s: the program refuses exactly what the table names, and nothing else', (arch) => {
  const program = decode(seccompProgram(arch, INTERNET));
  const numbers = SYSCALLS[arch];
  const refused = new Set<number | undefined>(REFUSED.map((name) => numbers[name]));
  const unavailable = new Set<number | undefined>(UNAVAILABLE.map((name) => numbers[name]));
  const sockets = new Set([numbers.socket]);
  for (let number = 0; number < 600; number++) {
    const expected = unavailable.has(number) ? ENOSYS : refused.has(number) || sockets.has(number) ? EPERM : ALLOW;
    expect([number, run(program, { number, arch: AUDIT_ARCH[arch] })]).toEqual([number, expected]);
  }
});

test.each(ARCHITECTURES)('%s: memory that nobody would count is not had where only processes are watched', (arch) => {
  const watched = decode(seccompProgram(arch, { seccomp: 'internet', memory: 'watchdog' }));
  const grouped = decode(seccompProgram(arch, INTERNET));
  for (const name of UNMAPPED) {
    const call = { number: SYSCALLS[arch][name] ?? -1, arch: AUDIT_ARCH[arch] };
    expect([run(watched, call), run(grouped, call)]).toEqual([ENOSYS, ALLOW]);
  }
});

test.each(ARCHITECTURES)('%s: another processor is killed, whatever it calls', (arch) => {
  const program = decode(seccompProgram(arch, INTERNET));
  const other = arch === 'x64' ? 'arm64' : 'x64';
  for (const wrong of [AUDIT_ARCH[other], 0x4000_0003, 0]) expect(run(program, { number: 1, arch: wrong })).toBe(KILL);
});

test('x32 calls do not exist', () => {
  const program = decode(seccompProgram('x64', INTERNET));
  for (const number of [0x4000_0000, 0x4000_0065, 0x7fff_ffff, 0xffff_ffff]) {
    expect(run(program, { number, arch: AUDIT_ARCH.x64 })).toBe(ENOSYS);
  }
});

test.each(ARCHITECTURES)('%s: arguments decide where the table says so, by their low 32 bits', (arch) => {
  const program = decode(seccompProgram(arch, INTERNET));
  const numbers = SYSCALLS[arch];
  const high = 0x1_0000_0000n;
  const answer = (call: keyof typeof numbers, ...args: (number | bigint)[]): string =>
    run(program, { number: numbers[call] ?? -1, arch: AUDIT_ARCH[arch], args: args.map(BigInt) });

  for (const family of [2, 10, 16]) expect(answer('socket', family, 1)).toBe(ALLOW);
  for (const family of [0, 1, 3, 17, 38, 40, 44]) expect(answer('socket', family, 1)).toBe(EPERM);
  expect(answer('socket', high | 1n)).toBe(EPERM);
  expect(answer('prlimit64', 0, 7)).toBe(ALLOW);
  for (const pid of [1, 4711, 0xffff_ffff]) expect(answer('prlimit64', pid, 7)).toBe(EPERM);
  expect(answer('socketpair', 1, 1)).toBe(ALLOW);
  expect(answer('socketpair', 1, 5 | 0o2000000)).toBe(ALLOW);
  expect(answer('socketpair', 1, 2)).toBe(EPERM);
  expect(answer('socketpair', 1, 2 | 0o2000000 | 0o4000)).toBe(EPERM);
  expect(answer('ioctl', 0, 0x5401)).toBe(ALLOW);
  expect(answer('ioctl', 0, 0x5412)).toBe(EPERM);
  expect(answer('ioctl', 0, high | 0x5412n)).toBe(EPERM);
  expect(answer('ioctl', 0, 0x541c)).toBe(EPERM);
  expect(answer('clone', 0x3d0f00)).toBe(ALLOW); // a thread
  expect(answer('clone', 0x11)).toBe(ALLOW); //     a fork
  for (const bit of [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]) {
    expect(answer('clone', bit | 0x11)).toBe(EPERM);
  }
  for (const [call, at] of [
    ['fchmod', 1],
    ['fchmodat', 2],
    ['fchmodat2', 2],
    ['mknodat', 2],
  ] as const) {
    const before = Array.from({ length: at }, () => 0);
    expect(answer(call, ...before, 0o755)).toBe(ALLOW);
    expect(answer(call, ...before, 0o1777)).toBe(ALLOW);
    expect(answer(call, ...before, 0o4755)).toBe(EPERM);
    expect(answer(call, ...before, 0o2755)).toBe(EPERM);
  }
  expect(answer('openat', 0, 0, 0o100, 0o644)).toBe(ALLOW);
  expect(answer('openat', 0, 0, 0, 0o6777)).toBe(ALLOW); // nothing is created: the register is not a mode
  expect(answer('openat', 0, 0, 0o101, 0o4755)).toBe(EPERM);
  expect(answer('openat', 0, 0, 0o20200000, 0o2755)).toBe(EPERM);
});

test('the calls that only x64 has are guarded there', () => {
  const program = decode(seccompProgram('x64', INTERNET));
  const answer = (number: number, ...args: number[]): string =>
    run(program, { number, arch: AUDIT_ARCH.x64, args: args.map(BigInt) });
  expect([answer(90, 0, 0o4755), answer(90, 0, 0o755)]).toEqual([EPERM, ALLOW]);
  expect([answer(133, 0, 0o104755), answer(133, 0, 0o100755)]).toEqual([EPERM, ALLOW]);
  expect([answer(85, 0, 0o2755), answer(85, 0, 0o755)]).toEqual([EPERM, ALLOW]);
  expect([answer(2, 0, 0o101, 0o4755), answer(2, 0, 0, 0o4755)]).toEqual([EPERM, ALLOW]);
});

test.each(ARCHITECTURES)('%s: without network no socket of any family is had, pairs are', (arch) => {
  const program = decode(seccompProgram(arch, { seccomp: 'none', memory: 'cgroup' }));
  const numbers = SYSCALLS[arch];
  for (const family of [1, 2, 10, 16, 17]) {
    expect(run(program, { number: numbers.socket ?? -1, arch: AUDIT_ARCH[arch], args: [BigInt(family)] })).toBe(EPERM);
  }
  expect(run(program, { number: numbers.socketpair ?? -1, arch: AUDIT_ARCH[arch], args: [1n, 1n] })).toBe(ALLOW);
});

interface Decoded {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly k: number;
}

function decode(bytes: Uint8Array): Decoded[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: bytes.length / 8 }, (_, index) => ({
    code: view.getUint16(index * 8, true),
    yes: view.getUint8(index * 8 + 2),
    no: view.getUint8(index * 8 + 3),
    k: view.getUint32(index * 8 + 4, true),
  }));
}

/** What the kernel's interpreter would do, for the operations that seccomp accepts and we use. */
function run(
  program: readonly Decoded[],
  { number, arch, args = [] }: { readonly number: number; readonly arch: number; readonly args?: readonly bigint[] },
): string {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  args.forEach((value, index) => {
    data.setBigUint64(16 + index * 8, value, true);
  });
  let accumulator = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, yes, no, k } = program[at] ?? { code: 0, yes: 0, no: 0, k: 0 };
    if (code === 0x20) accumulator = data.getUint32(k, true);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x15) at += accumulator === k ? yes : no;
    else if (code === 0x35) at += accumulator >= k ? yes : no;
    else if (code === 0x45) at += (accumulator & k) !== 0 ? yes : no;
    else if (code === 0x06) return action(k);
    else throw new Error(`no such operation: ${code}`);
  }
  throw new Error('ran off the end');
}

function action(value: number): string {
  if (value === 0x7fff0000) return ALLOW;
  if (value === 0x80000000) return KILL;
  if (value >>> 16 === 5) return `errno ${value & 0xffff}`;
  return `action ${value.toString(16)}`;
}
