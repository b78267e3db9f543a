/** Where the tests' broker and registry come from: containers where an engine answers, else processes of this machine. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { programs, startStack } from '../../adapters/stack/index.ts'
import { home } from '../../cli/config.ts'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { containers } from './containers.ts'

export interface Servers {
  /** `host:port,…` */
  readonly brokers: string
  /** With the path of the Confluent API. */
  readonly registry: string
  /** Which of them run, for people. */
  readonly kind: string
  stop(): Promise<void>
}

/** Why there are none. */
export interface Absent {
  readonly reason: string
}

/** What the processes need is not there and cannot be fetched: another thing than a broker that does not start. */
const missing = async (): Promise<string | undefined> => {
  try {
    await programs({ home: home(process.env) })
    return undefined
  } catch (error) {
    if (error instanceof Fatal || error instanceof Unavailable) return error.message
    throw error
  }
}

const processes = async (without: string): Promise<Servers | Absent> => {
  const reason = await missing()
  if (reason !== undefined) return { reason }
  const folder = await mkdtemp(join(tmpdir(), 'gainstream-stack-'))
  const stack = await startStack({ folder, home: home(process.env) })
  return {
    brokers: stack.brokers,
    registry: stack.registry ?? '',
    kind: `processes of this machine (no containers: ${without})`,
    async stop() {
      await stack.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Starts them on ports of their own. `GAINSTREAM_TEST_SERVERS=processes` asks no engine.
 * @throws where they are there and do not start
 */
export const servers = async (): Promise<Servers | Absent> => {
  if (process.env['GAINSTREAM_TEST_SERVERS'] === 'processes') return processes('none were wanted')
  const found = await containers()
  return 'reason' in found ? processes(found.reason) : found
}
