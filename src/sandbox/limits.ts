import { PalyraError } from '../errors.ts';

/** What one command may use; the names are the keys of `palyra.toml` in camelCase. */
export interface Limits {
  readonly timeoutMs: number;
  /** of each process (RLIMIT_CPU) */
  readonly cpuTimeLimitMs: number;
  readonly memoryLimitBytes: number;
  readonly maxOutputBytes: number;
  readonly maxProcesses: number;
  readonly maxFileSizeBytes: number;
  readonly maxOpenFiles: number;
  /** each of /tmp, /var/tmp and /dev/shm */
  readonly tmpSizeBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const DEFAULT_LIMITS: Limits = {
  timeoutMs: 30_000,
  cpuTimeLimitMs: 10_000,
  memoryLimitBytes: GIB,
  maxOutputBytes: MIB,
  maxProcesses: 256,
  maxFileSizeBytes: 64 * MIB,
  maxOpenFiles: 1024,
  tmpSizeBytes: 256 * MIB,
};

/** Smallest and largest value that makes sense; less would stop any program from starting. */
const RANGES = {
  timeoutMs: [100, 24 * 3_600_000],
  cpuTimeLimitMs: [1000, 24 * 3_600_000],
  memoryLimitBytes: [16 * MIB, 1024 * GIB],
  maxOutputBytes: [0, GIB],
  maxProcesses: [1, 32_768],
  maxFileSizeBytes: [0, 1024 * GIB],
  maxOpenFiles: [16, 1_048_576],
  tmpSizeBytes: [64 * KIB, 64 * GIB],
} as const satisfies Record<keyof Limits, readonly [number, number]>;

/**
 * The limits of one run: `wanted` may only take away from what the configuration gives.
 * @throws PalyraError usage.invalid
 */
export function narrowLimits(given: Limits, wanted: Partial<Limits>): Limits {
  const limits = { ...given };
  for (const name of Object.keys(RANGES) as (keyof Limits)[]) {
    const value = wanted[name] ?? given[name];
    const [least, most] = RANGES[name];
    const { option, key, text } = NAMES[name];
    const named = wanted[name] === undefined || option === undefined ? `${key} = ${value}` : `${option} ${text(value)}`;
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new PalyraError('usage.invalid', `${named} is out of range`, {
        why: wanted[name] === undefined ? `from ${least} to ${most}` : `from ${text(least)} to ${text(most)}`,
      });
    }
    if (value > given[name]) {
      throw new PalyraError('usage.invalid', `${named} is more than the configuration allows`, {
        why: `at most ${text(given[name])} (${key})`,
        hint: 'options only narrow what palyra.toml says',
      });
    }
    limits[name] = value;
  }
  return limits;
}

/** The most that the kernel lets this process, and so whatever it starts, ask for (the hard limits of getrlimit(2)). */
export type HardLimits = Pick<
  Limits,
  'cpuTimeLimitMs' | 'memoryLimitBytes' | 'maxProcesses' | 'maxFileSizeBytes' | 'maxOpenFiles'
>;

export const UNBOUNDED: HardLimits = {
  cpuTimeLimitMs: Number.POSITIVE_INFINITY,
  memoryLimitBytes: Number.POSITIVE_INFINITY,
  maxProcesses: Number.POSITIVE_INFINITY,
  maxFileSizeBytes: Number.POSITIVE_INFINITY,
  maxOpenFiles: Number.POSITIVE_INFINITY,
};

/** Limits that can be set: none is above the hard one. */
export function boundLimits(limits: Limits, hard: HardLimits): Limits {
  const bound = { ...limits };
  for (const name of Object.keys(hard) as (keyof HardLimits)[]) bound[name] = Math.min(limits[name], hard[name]);
  return bound;
}

/** As options write it: `90s`. */
function timeText(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}

/** As options write it: `512m`. */
function sizeText(bytes: number): string {
  const [unit, letter] = UNITS.find(([size]) => bytes >= size && bytes % size === 0) ?? [1, ''];
  return `${bytes / unit}${letter}`;
}

const UNITS = [
  [GIB, 'g'],
  [MIB, 'm'],
  [KIB, 'k'],
] as const;

/** How people know a limit: by its option, where it has one, and by its key in `palyra.toml`. */
const NAMES: Readonly<Record<keyof Limits, { option?: string; key: string; text: (value: number) => string }>> = {
  timeoutMs: { option: '--timeout', key: 'timeout_ms', text: timeText },
  cpuTimeLimitMs: { key: 'cpu_time_limit_ms', text: timeText },
  memoryLimitBytes: { option: '--memory', key: 'memory_limit_bytes', text: sizeText },
  maxOutputBytes: { option: '--max-output', key: 'max_output_bytes', text: sizeText },
  maxProcesses: { key: 'max_processes', text: String },
  maxFileSizeBytes: { key: 'max_file_size_bytes', text: sizeText },
  maxOpenFiles: { key: 'max_open_files', text: String },
  tmpSizeBytes: { key: 'tmp_size_bytes', text: sizeText },
};

/**
 * A size in bytes: `512m`, `1g`, `64k` (powers of 1024) or a bare number of bytes.
 * @throws PalyraError usage.invalid
 */
export function parseSize(text: string, name = 'size'): number {
  const match = /^([0-9]{1,15})(k|m|g)?$/i.exec(text);
  if (match === null) {
    throw new PalyraError('usage.invalid', `${name} is not a size: ${text.slice(0, 40)}`, {
      hint: 'give 64k, 512m, 1g',
    });
  }
  const unit = { k: KIB, m: MIB, g: GIB }[match[2]?.toLowerCase() ?? ''] ?? 1;
  return Number(match[1]) * unit;
}
