// What the benchmarks share: medians of things measured in turn, so that a drifting machine drifts for all.
import { spawnSync } from 'node:child_process';

/** Wall milliseconds of one run of a command; its output is read and thrown away. */
export function wall(command, options = {}) {
  const start = performance.now();
  const { error } = spawnSync(command[0], command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 30,
    ...options,
  });
  if (error !== undefined) throw error;
  return performance.now() - start;
}

/** Run each measurement in turn, so many rounds after one that does not count; the median of each. */
export async function inTurn(measurements, rounds) {
  const samples = Object.fromEntries(Object.keys(measurements).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of Object.entries(measurements)) {
      const sample = await measure();
      if (round > 0) samples[name].push(sample);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
