import { defineConfig } from 'vitest/config'

const shared = { testTimeout: 60_000, hookTimeout: 300_000, pool: 'forks' } as const
const [broker, milvus, vllm] = ['kafka', 'milvus', 'vllm'].map((tier) => `test/**/*.${tier}.test.ts`) as [
  string,
  string,
  string,
]

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: [broker, milvus, vllm] } },
      {
        test: {
          ...{ ...shared, name: 'kafka', include: [broker], globalSetup: 'test/servers.ts' },
          runner: 'test/stack/runner.ts',
          fileParallelism: false,
        },
      },
      {
        test: {
          ...{ ...shared, testTimeout: 120_000, name: 'milvus', include: [milvus] },
          globalSetup: 'test/milvus-servers.ts',
          runner: 'test/stack/milvus-runner.ts',
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
