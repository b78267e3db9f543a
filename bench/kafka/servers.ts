/** The broker and the registry that a benchmark runs on: those that the environment names, else a local stack of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStack } from '../../adapters/stack/index.ts'
import { home } from '../../cli/config.ts'

export interface Servers {
  readonly brokers: readonly string[]
  readonly registry: string
  /** For the reader of the figures. */
  readonly what: string
  stop(): Promise<void>
}

export const servers = async (): Promise<Servers> => {
  const { GAINSTREAM_TEST_BROKERS: named, GAINSTREAM_TEST_REGISTRY: registry } = process.env
  if (named && registry) {
    return {
      brokers: named.split(','),
      registry,
      what: `the servers of the environment, ${named}`,
      stop: async () => {},
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-bench-'))
  const stack = await startStack({ folder, home: home(process.env) })
  return {
    brokers: stack.brokers.split(','),
    registry: stack.registry ?? '',
    what: 'a local stack: one broker, Apache Kafka 4.3.1, and a registry',
    async stop() {
      await stack.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
