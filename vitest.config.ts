import { defineConfig } from 'vitest/config'

const shared = { testTimeout: 60_000, hookTimeout: 300_000, pool: 'forks' } as const
const [broker, vllm] = ['test/**/*.kafka.test.ts', 'test/**/*.vllm.test.ts']

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: [broker, vllm] } },
      {
        test: {
          ...{ ...shared, name: 'kafka', include: [broker], globalSetup: 'test/servers.ts' },
          runner: 'test/stack/runner.ts',
          fileParallelism: false,
        },
      },
      {
        test: {
          ...{ ...shared, testTimeout: 300_000, name: 'vllm', include: [vllm], globalSetup: 'test/vllm-servers.ts' },
          ...{ runner: 'test/stack/vllm-runner.ts', fileParallelism: false },
          // After all others: a server that computes with all cores would change what they measure and wait for.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
