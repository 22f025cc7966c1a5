import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/setup.ts',
    // half of the time a test waits for a process or a key: one more than there are processors
    maxWorkers: availableParallelism() + 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // the commands under test decide by these: a test sets what it needs itself
    env: { NO_COLOR: '', FORCE_COLOR: '0', TZ: 'UTC', PALYRA_STATE_ROOT: '', PALYRA_CONFIG: '', PALYRA_TOKEN: '', PALYRA_PRINCIPAL: '' },
  },
});
