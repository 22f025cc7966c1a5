/** Processors that a program can be assembled for. */
export type Architecture = 'x64' | 'arm64';

/** `internet`: IPv4, IPv6 and netlink; `none`: no socket of any kind. Pairs of connected sockets are always had. */
export type SocketFamilies = 'internet' | 'none';

/** What of a plan decides what is let through: the sockets, and what bounds the memory. */
export interface SeccompDemands {
  readonly seccomp: SocketFamilies;
  readonly memory: 'cgroup' | 'watchdog';
}

/**
 * The system calls of one command, as a classic BPF program for seccomp(2): `struct sock_filter[]`, little-endian.
 * Whatever is not named is allowed: this closes doors that a sandbox does not need, the namespaces are the walls.
 * Sources: linux/seccomp.h, linux/bpf_common.h, the kernel's syscall tables.
 */
export function seccompProgram(architecture: Architecture, { seccomp: sockets, memory }: SeccompDemands): Uint8Array {
  const numbers = SYSCALLS[architecture];
  const code: Instruction[] = [
    load(ARCH_OFFSET),
    jump('equal', AUDIT_ARCH[architecture], 'next', 'kill'),
    load(NUMBER_OFFSET),
    // x32 calls carry this bit and would pass under other numbers
    ...(architecture === 'x64' ? [jump('at least', 0x4000_0000, 'no such call', 'next')] : []),
  ];
  for (const name of [...UNAVAILABLE, ...(memory === 'cgroup' ? [] : UNMAPPED)])
    code.push(jump('equal', numbers[name], 'no such call', 'next'));
  for (const name of REFUSED) code.push(jump('equal', numbers[name], 'refuse', 'next'));
  for (const { call, test } of GUARDED) {
    const number = numbers[call];
    if (number === undefined) continue;
    const block = test(sockets);
    code.push(jump('equal', number, 'next', block.length), ...block);
  }
  return assemble(code);
}

/** Refused outright with EPERM: doors to other processes, to the kernel's insides, to new namespaces and mounts. */
export const REFUSED = [
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
  'unshare',
  'setns',
  'mount',
  'umount2',
  'move_mount',
  'open_tree',
  'open_tree_attr',
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'mount_setattr',
  'pivot_root',
  'add_key',
  'request_key',
  'keyctl',
  'bpf',
  'userfaultfd',
  'perf_event_open',
  'open_by_handle_at',
  'init_module',
  'finit_module',
  'delete_module',
  'kexec_load',
  'kexec_file_load',
] as const;

/** Answered with ENOSYS, so that programs fall back: their arguments are in memory, where a filter cannot look. */
export const UNAVAILABLE = ['clone3', 'openat2'] as const;

/** Memory that is in nobody's address space, which a control group counts and a watchdog would not see. */
export const UNMAPPED = ['memfd_create', 'memfd_secret', 'shmget'] as const;

/** Refused with EPERM for some arguments. A test reads one 32-bit argument: the kernel looks at no more of these. */
const GUARDED: readonly { readonly call: GuardedCall; readonly test: (sockets: SocketFamilies) => Instruction[] }[] = [
  { call: 'clone', test: () => refuseBits(0, NEW_NAMESPACES) },
  {
    call: 'socket',
    test: (sockets) => (sockets === 'none' ? [jump('always', 0, 'refuse', 'refuse')] : onlyInternet()),
  },
  { call: 'socketpair', test: refuseDatagrams },
  { call: 'ioctl', test: refuseTyping },
  { call: 'chmod', test: () => refuseBits(1, SET_ID) },
  { call: 'fchmod', test: () => refuseBits(1, SET_ID) },
  { call: 'fchmodat', test: () => refuseBits(2, SET_ID) },
  { call: 'fchmodat2', test: () => refuseBits(2, SET_ID) },
  { call: 'mknod', test: () => refuseBits(1, SET_ID) },
  { call: 'mknodat', test: () => refuseBits(2, SET_ID) },
  { call: 'creat', test: () => refuseBits(1, SET_ID) },
  { call: 'open', test: () => refuseCreating(1) },
  { call: 'openat', test: () => refuseCreating(2) },
  // of another process: limits of one that watches would blind it
  { call: 'prlimit64', test: () => [load(argumentOffset(0)), jump('equal', 0, 'allow', 'refuse')] },
];

function refuseBits(argument: number, bits: number): Instruction[] {
  return [load(argumentOffset(argument)), jump('any bit', bits, 'refuse', 'allow')];
}

function onlyInternet(): Instruction[] {
  return [
    load(argumentOffset(0)),
    jump('equal', 2, 'allow', 'next'), //  AF_INET
    jump('equal', 10, 'allow', 'next'), // AF_INET6
    jump('equal', 16, 'allow', 'refuse'), // AF_NETLINK
  ];
}

/** A datagram pair can be sent to any address, a stream or packet pair only to its peer. */
function refuseDatagrams(): Instruction[] {
  return [
    load(argumentOffset(1)),
    { code: BPF_AND, k: 0xf, yes: 'next', no: 'next' },
    jump('equal', 2, 'refuse', 'allow'),
  ];
}

/** TIOCSTI and TIOCLINUX type into the terminal as if a person did. */
function refuseTyping(): Instruction[] {
  return [load(argumentOffset(1)), jump('equal', 0x5412, 'refuse', 'next'), jump('equal', 0x541c, 'refuse', 'allow')];
}

/** The mode of open counts only where it creates: O_CREAT or O_TMPFILE; else it is whatever was in the register. */
function refuseCreating(flags: number): Instruction[] {
  return [load(argumentOffset(flags)), jump('any bit', 0x40_0040, 'next', 'allow'), ...refuseBits(flags + 1, SET_ID)];
}

const SET_ID = 0o6000;
// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME is clone3's and unshare's alone
const NEW_NAMESPACES = 0x7e02_0000;

type Target = 'next' | 'allow' | 'refuse' | 'no such call' | 'kill';

/** `yes` and `no`: where a jump goes; a number skips so many instructions. */
interface Instruction {
  readonly code: number;
  readonly k: number;
  readonly yes: Target | number;
  readonly no: Target | number;
}

const BPF_LOAD_WORD = 0x20;
const BPF_AND = 0x54;
const BPF_RETURN = 0x06;
const JUMPS = { equal: 0x15, 'at least': 0x35, 'any bit': 0x45, always: 0x15 } as const;

function load(offset: number): Instruction {
  return { code: BPF_LOAD_WORD, k: offset, yes: 'next', no: 'next' };
}

/** A call that this processor never had compares with a number that none has. */
function jump(kind: keyof typeof JUMPS, k: number | undefined, yes: Target | number, no: Target | number): Instruction {
  return { code: JUMPS[kind], k: k ?? 0xffff_ffff, yes, no };
}

const RETURNS = [
  ['allow', 0x7fff_0000],
  ['refuse', 0x0005_0000 | 1], //        errno EPERM
  ['no such call', 0x0005_0000 | 38], // errno ENOSYS
  ['kill', 0x8000_0000], //              the whole process
] as const;

function assemble(code: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array((code.length + RETURNS.length) * 8);
  const view = new DataView(bytes.buffer);
  const distance = (from: number, to: Target | number): number => {
    if (typeof to === 'number') return to;
    const at = RETURNS.findIndex(([name]) => name === to);
    const steps = at === -1 ? 0 : code.length + at - from - 1;
    if (steps > 255) throw new RangeError('a BPF jump reaches 255 instructions');
    return steps;
  };
  code.forEach(({ code: operation, k, yes, no }, index) => {
    const isJump = (operation & 7) === 5;
    write(view, index, operation, isJump ? distance(index, yes) : 0, isJump ? distance(index, no) : 0, k);
  });
  RETURNS.forEach(([, value], index) => {
    write(view, code.length + index, BPF_RETURN, 0, 0, value);
  });
  return bytes;
}

/** One `struct sock_filter`. */
function write(view: DataView, index: number, code: number, yes: number, no: number, k: number): void {
  view.setUint16(index * 8, code, true);
  view.setUint8(index * 8 + 2, yes);
  view.setUint8(index * 8 + 3, no);
  view.setUint32(index * 8 + 4, k, true);
}

// struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]; }
const NUMBER_OFFSET = 0;
const ARCH_OFFSET = 4;

/** The low half of an argument, on a little-endian machine. */
function argumentOffset(argument: number): number {
  return 16 + 8 * argument;
}

export const AUDIT_ARCH = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const satisfies Record<Architecture, number>;

type GuardedCall =
  | 'clone'
  | 'socket'
  | 'socketpair'
  | 'ioctl'
  | 'chmod'
  | 'fchmod'
  | 'fchmodat'
  | 'fchmodat2'
  | 'mknod'
  | 'mknodat'
  | 'creat'
  | 'open'
  | 'openat'
  | 'prlimit64';
type Call = (typeof REFUSED)[number] | (typeof UNAVAILABLE)[number] | (typeof UNMAPPED)[number] | GuardedCall;

/** Since Linux 5.1 a new call has one number everywhere. */
const COMMON = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  clone3: 435,
  openat2: 437,
  mount_setattr: 442,
  memfd_secret: 447,
  fchmodat2: 452,
  open_tree_attr: 467,
} as const;

/** Absent: that processor has no such call. Source: arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h. */
export const SYSCALLS: Readonly<Record<Architecture, Readonly<Partial<Record<Call, number>>>>> = {
  x64: {
    ...COMMON,
    open: 2,
    ioctl: 16,
    shmget: 29,
    socket: 41,
    socketpair: 53,
    clone: 56,
    creat: 85,
    chmod: 90,
    fchmod: 91,
    ptrace: 101,
    mknod: 133,
    pivot_root: 155,
    mount: 165,
    umount2: 166,
    init_module: 175,
    delete_module: 176,
    kexec_load: 246,
    add_key: 248,
    request_key: 249,
    keyctl: 250,
    openat: 257,
    mknodat: 259,
    fchmodat: 268,
    unshare: 272,
    perf_event_open: 298,
    prlimit64: 302,
    open_by_handle_at: 304,
    setns: 308,
    process_vm_readv: 310,
    process_vm_writev: 311,
    finit_module: 313,
    memfd_create: 319,
    kexec_file_load: 320,
    bpf: 321,
    userfaultfd: 323,
  },
  arm64: {
    ...COMMON,
    ioctl: 29,
    mknodat: 33,
    umount2: 39,
    mount: 40,
    pivot_root: 41,
    fchmod: 52,
    fchmodat: 53,
    openat: 56,
    unshare: 97,
    kexec_load: 104,
    init_module: 105,
    delete_module: 106,
    ptrace: 117,
    shmget: 194,
    socket: 198,
    socketpair: 199,
    add_key: 217,
    request_key: 218,
    keyctl: 219,
    clone: 220,
    perf_event_open: 241,
    prlimit64: 261,
    open_by_handle_at: 265,
    setns: 268,
    process_vm_readv: 270,
    process_vm_writev: 271,
    finit_module: 273,
    memfd_create: 279,
    bpf: 280,
    userfaultfd: 282,
    kexec_file_load: 294,
  },
};
