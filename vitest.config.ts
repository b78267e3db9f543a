import { defineConfig } from 'vitest/config'

const shared = { testTimeout: 60_000, hookTimeout: 300_000, pool: 'forks' } as const
const broker = 'test/**/*.kafka.test.ts'

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: [broker] } },
      {
        test: {
          ...{ ...shared, name: 'kafka', include: [broker], globalSetup: 'test/servers.ts' },
          runner: 'test/stack/runner.ts',
          fileParallelism: false,
        },
      },
    ],
  },
})
