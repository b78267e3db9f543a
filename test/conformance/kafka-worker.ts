/** A process of the fault runs: the real engine with one stage that copies. `kafka-faults.ts` starts it, and breaks it. */
import { appendFileSync } from 'node:fs'
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { unobserved, type Observe } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { table } from '../../runtime/table.ts'
import { names } from '../../runtime/topic.ts'
import { codec, copies, inputs, rejects, totals, type Item } from './bench.ts'
import { sleep } from './tools.ts'

/** What a worker is told on its command line, as JSON. */
export interface Orders {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly partitions: number
  /** Records in work per partition, and milliseconds that one takes on average. */
  readonly inFlight: number
  readonly pace: number
  readonly session: number
  /** Every step that begins leaves its record's id here; empty: nothing is noted. */
  readonly notes: string
  readonly verbose: boolean
}

const observing = (verbose: boolean): Observe => {
  const warn = (fields: object, message: string) => console.error(process.pid, message, JSON.stringify(fields))
  return verbose ? { ...unobserved, logger: { ...unobserved.logger, warn } } : unobserved
}

const work = async (orders: Orders) => {
  const { brokers, prefix, partitions, inFlight, pace, session, notes } = orders
  const log = await openKafkaLog({ brokers, session, heartbeat: session / 6 })
  const named = names(prefix, 's')
  const copy = processor<Item, unknown>({
    ...{ name: 'copy', from: inputs, to: [copies], policy: bulk({ inFlight }) },
    async step(item) {
      if (notes !== '') appendFileSync(notes, `${item.id}\n`)
      if (pace > 0) await sleep(Math.random() * 2 * pace)
      return [copies.message(item)]
    },
  })
  const running = await engine({
    ...{ log, codec, names: named, partitions, totals, rejects, now: Date.now, observe: observing(orders.verbose) },
    table: table(log, named.topic(totals)),
    stages: [bind(copy, {})],
  })
  running.failed.catch((error: Error) => {
    console.error(process.pid, 'stopped:', error.message)
    process.exit(1)
  })
  process.once('SIGTERM', () => void running.stop().then(() => process.exit(0)))
}

if (process.argv[2]) await work(JSON.parse(process.argv[2]) as Orders)
