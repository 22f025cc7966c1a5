import { DESCRIPTORS } from '../../sandbox/bubblewrap-arguments.ts';
import { constraintsFor } from '../../sandbox/constraints.ts';
import type { Machine } from '../../sandbox/machine.ts';
import type { Plan } from '../../sandbox/plan.ts';
import type { Boundary, Stdio } from '../../sandbox/runner.ts';
import { type Gated, type Spawned, spawnGated } from './gated-process.ts';
import { runGated } from './gated-run.ts';
import { takePipes } from './output-pipes.ts';
import { SetupFailed } from './setup-failed.ts';

/**
 * Tier b on Linux: no namespaces. A supervisor in perl, which can issue the system calls that Node cannot, says what the
 * kernel has and waits until it is told what to do. Then it sets the limits, Landlock and seccomp, becomes the parent of
 * every orphan below it, and ends them all: when the command has ended, and when palyra dies.
 */
export async function openConstrainedProcess(machine: Machine, { stdin }: Pick<Stdio, 'stdin'>): Promise<Boundary> {
  const spawned = startSupervisor(machine, stdin);
  const landlockAbi = spawned instanceof SetupFailed ? 0 : ((await spawned.status.wait('landlock')) ?? 0);
  return {
    machine: { ...machine, landlockAbi },
    run: (plan, streams, hooks) =>
      runGated(plan, async () => constrain(machine, spawned, plan, hooks.umask), streams, hooks, []),
    close: () => spawned instanceof SetupFailed || discard(spawned),
  };
}

function startSupervisor({ programs: { perl } }: Machine, stdin: Stdio['stdin']): Spawned | SetupFailed {
  if (perl === null) return new SetupFailed('perl is missing');
  try {
    const command = [perl, '-e', SUPERVISOR];
    return spawnGated({ command, files: [], output: 'nowhere', stdin, user: null, umask: undefined });
  } catch (error) {
    if (error instanceof SetupFailed) return error;
    throw error;
  }
}

/** A supervisor that waits ends when it will not be told anything. */
function discard({ child, gate, lifeline }: Spawned): void {
  for (const stream of [gate, lifeline, child.stdin]) stream?.destroy();
}

/** Tell the supervisor what to do; it has waited for this since it was started. */
function constrain(
  { architecture }: Machine,
  spawned: Spawned | SetupFailed,
  plan: Plan,
  umask: number | undefined,
): Gated {
  if (spawned instanceof SetupFailed) throw spawned;
  const { child, gate, status } = spawned;
  const [stdout, stderr] = [status.said('stdout'), status.said('stderr')];
  const isGone = child.exitCode !== null || child.signalCode !== null;
  if (isGone || child.pid === undefined || stdout === undefined || stderr === undefined || architecture === null) {
    throw new SetupFailed('the supervisor is not there');
  }
  if ((child.stdin !== null) !== (plan.stdin === 'pipe')) throw new SetupFailed('it was opened for another plan');
  const pipes = takePipes(child.pid, stdout, stderr, plan.user);
  const words = Buffer.from(constraintsFor(plan, architecture, umask));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(words.length);
  gate.write(Buffer.concat([size, words]));
  return { ...spawned, pipes, killFirst: false };
}

// Numbers: PR_SET_CHILD_SUBREAPER 36, PR_SET_NO_NEW_PRIVS 38, PR_SET_SECCOMP 22 with SECCOMP_MODE_FILTER 2; AT_FDCWD -100,
// O_PATH|O_CLOEXEC 012000000, LANDLOCK_RULE_PATH_BENEATH 1; WNOHANG 1; SIG_BLOCK 0, SIG_UNBLOCK 1, SIGCHLD 17,
// SFD_CLOEXEC|SFD_NONBLOCK 02004000. Modules would cost more than all of it.
const SUPERVISOR = String.raw`
$SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM PIPE);
open(my $gate, '+<&=', ${DESCRIPTORS.gate}) or exit 125;
open(my $status, '>&=', ${DESCRIPTORS.status}) or exit 125;
open(my $lifeline, '<&=', ${DESCRIPTORS.lifeline}) or exit 125;
pipe(my $out, my $output) && pipe(my $err, my $errors) or exit 125;
my $abi = syscall(444, 0, 0, 1); # landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
$abi = 0 if $abi < 0;
syswrite $status, sprintf(qq({ "landlock": %d, "stdout": %d, "stderr": %d }\n), $abi, fileno $out, fileno $err);

sub get { my ($size, $all) = (shift, ''); while (length $all < $size) { sysread($gate, $all, $size - length $all, length $all) or exit 125 } $all }
my $words = get(unpack 'V', get(4));
close $_ for $out, $err; # palyra has them
open STDOUT, '>&', $output; open STDERR, '>&', $errors;
close $_ for $output, $errors;
my (%nr, @argv, @landlock, @paths, @limits, @user, $filter, $cwd, %environment);
for (split /\0/, $words) {
  my ($kind, $rest) = /^(\w+) (.*)$/s or exit 125;
  if ($kind eq 'call') { my ($name, $number) = split / /, $rest; $nr{$name} = $number }
  elsif ($kind eq 'landlock') { @landlock = split / /, $rest }
  elsif ($kind eq 'path') { push @paths, [split / /, $rest, 3] }
  elsif ($kind eq 'limit') { push @limits, [split / /, $rest] }
  elsif ($kind eq 'filter') { $filter = pack 'H*', $rest }
  elsif ($kind eq 'arg') { push @argv, $rest }
  elsif ($kind eq 'user') { @user = split / /, $rest }
  elsif ($kind eq 'umask') { umask $rest }
  elsif ($kind eq 'cwd') { $cwd = $rest }
  elsif ($kind eq 'env') { my ($name, $value) = split /=/, $rest, 2; $environment{$name} = $value }
}
chdir $cwd or die "$cwd: $!\n";
if (my ($uid, $gid) = @user) {
  must('groups', syscall($nr{setgroups}, 0, 0));
  must('group', syscall($nr{setresgid}, $gid + 0, $gid + 0, $gid + 0));
  must('user', syscall($nr{setresuid}, $uid + 0, $uid + 0, $uid + 0));
}
must('subreaper', syscall($nr{prctl}, 36, 1, 0, 0, 0));
# by a descriptor, not a handler: perl dies of a hundred signals at once, as the children of a fork bomb send
my $children = pack 'Q', 1 << 16;
must('signals', syscall($nr{rt_sigprocmask}, 0, $children, 0, 8));
my $signals = syscall($nr{signalfd4}, -1, $children, 8, 02004000);
must('signalfd', $signals);
open(my $wake, '<&=', $signals) or exit 125;

defined(my $pid = fork) or die "fork: $!\n";
constrain() unless $pid;
syswrite $status, "{ \"child-pid\": $$ }\n";
open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
close $gate;
my $code;
while (1) {
  while ((my $gone = waitpid -1, 1) > 0) { $code = $? & 127 ? 128 + ($? & 127) : $? >> 8 if $gone == $pid }
  last if defined $code;
  my ($read, $n) = ('');
  vec($read, fileno $lifeline, 1) = 1; vec($read, fileno $wake, 1) = 1;
  select($read, undef, undef, undef) > 0 or next;
  sysread $wake, my $drop, 128 if vec($read, fileno $wake, 1);
  if (vec($read, fileno $lifeline, 1)) { end_all(); $code = 137 }
}
end_all();
syswrite $status, "{ \"exit-code\": $code }\n";
exit($code > 255 ? 255 : $code);

# Orphans become ours, so nobody is missed: stop them all first, or new ones are born while we look.
sub below { my @found = ($$); for my $parent (@found) { for my $tasks (glob "/proc/$parent/task/*/children") {
  open(my $file, '<', $tasks) or next; push @found, split ' ', <$file> // '' } } shift @found; @found }
sub end_all {
  my $seen = 0;
  while ((my @all = below()) > $seen) { kill 'STOP', @all; $seen = @all }
  while (my @all = below()) { kill 'KILL', @all; while (waitpid(-1, 1) > 0) {} select undef, undef, undef, 0.001 }
}

sub constrain {
  $SIG{$_} = 'DEFAULT' for qw(HUP INT QUIT TERM PIPE);
  must('signals', syscall($nr{rt_sigprocmask}, 1, $children, 0, 8));
  close $_ for $lifeline, $status, $wake;
  for (@limits) { my ($resource, $soft, $hard) = @$_; my $limit = pack 'QQ', $soft, $hard; must('limits', syscall($nr{prlimit64}, 0, $resource + 0, $limit, 0)) }
  must('no new privileges', syscall($nr{prctl}, 38, 1, 0, 0, 0));
  restrict() if @landlock;
  if (defined $filter) {
    my $program = pack 'S x6 P', length($filter) / 8, $filter;
    must('seccomp', syscall($nr{prctl}, 22, 2, $program, 0, 0));
  }
  syswrite $gate, "\n";
  defined(my $go = sysread $gate, my $line, 1) or exit 125;
  $go or exit 125;
  syscall($nr{close}, $_) for 3 .. 16;
  %ENV = %environment;
  { no warnings; exec { $argv[0] } @argv }
  my $code = $! == 2 ? 127 : 126;
  syswrite STDERR, $code == 127 ? "palyra: $argv[0]: no such command\n" : "palyra: $argv[0]: $!\n";
  exit $code;
}
sub restrict {
  my ($fs, $net, $scoped, $size) = @landlock;
  my $attributes = substr pack('QQQ', $fs, $net, $scoped), 0, $size;
  my $rules = syscall(444, $attributes, $size + 0, 0);
  must('landlock', $rules);
  for (@paths) {
    my ($folder, $file, $path) = @$_;
    my $name = "$path\0";
    my $fd = syscall($nr{openat}, -100, $name, 012000000, 0);
    next if $fd < 0;
    my $rule = pack 'Q l', -d $path ? $folder : $file, $fd;
    must("landlock: $path", syscall(445, $rules, 1, $rule, 0));
    syscall($nr{close}, $fd);
  }
  must('landlock', syscall(446, $rules, 0));
  syscall($nr{close}, $rules);
}
sub must { my ($what, $result) = @_; return if $result >= 0; syswrite STDERR, "$what: $!\n"; exit 125 }
`;
