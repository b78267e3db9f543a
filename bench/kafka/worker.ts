/**
 * A worker process of the benchmarks: the real engine with one stage on Kafka. It copies; where it is told to, it first
 * waits as a scorer would (simulated: a sleep of random length behind an endpoint).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { endpoint } from '../../runtime/endpoint.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { unobserved, type Observe } from '../../runtime/observe.ts'
import { bulk, type Policy } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { table } from '../../runtime/table.ts'
import { names } from '../../runtime/topic.ts'
import { rejects, totals } from '../../topics/index.ts'
import { codecFor, inputs, outputs, type Line } from './lines.ts'

/** What a worker is told on its command line, as JSON. */
export interface Orders {
  readonly brokers: readonly string[]
  readonly registry: string
  readonly prefix: string
  readonly partitions: number
  readonly policy: Partial<Policy>
  /** Names the group. */
  readonly stage: string
  /** Milliseconds until the group gives the partitions of a dead worker to others. */
  readonly session?: number
  /** A simulated scorer: mean milliseconds of a call, calls at once. */
  readonly scorer?: { readonly mean: number; readonly concurrency: number }
}

/** Service times are uniform between half the mean and one and a half times it: mean as named, deviation 29 % of it. */
const serviceTime = (mean: number) => mean * (0.5 + Math.random())

const step = (scorer: Orders['scorer']) => {
  if (!scorer) return { endpoints: [], call: async () => {} }
  const { mean, concurrency } = scorer
  const slots = endpoint({ name: 'scorer', concurrency: { start: concurrency, max: concurrency }, timeout: 60_000 })
  const call = async (signal: AbortSignal) =>
    slots.call((inner) => sleep(serviceTime(mean), undefined, { signal: inner }), signal)
  return { endpoints: [slots], call }
}

const observe: Observe = {
  ...unobserved,
  logger: {
    ...unobserved.logger,
    warn: (fields, message) => console.error(process.pid, message, JSON.stringify(fields)),
  },
  meter: {
    ...unobserved.meter,
    count(name) {
      if (name === 'gainstream_records_settled_total') firstSettled()
    },
  },
}
let settled = false
const firstSettled = () => {
  if (!settled) console.log(`settled ${Date.now()}`)
  settled = true
}

const work = async ({ brokers, registry, prefix, partitions, policy, stage, session, scorer }: Orders) => {
  const log = await openKafkaLog({ brokers, ...(session !== undefined && { session, heartbeat: session / 6 }) })
  const named = names(prefix, 'lines')
  const { endpoints, call } = step(scorer)
  const copy = processor<Line, unknown>({
    ...{ name: stage, from: inputs, to: [outputs], policy: bulk(policy) },
    async step(line, _, signal) {
      await call(signal)
      return [outputs.message(line)]
    },
  })
  const running = await engine({
    ...{ log, codec: codecFor(registry, named), names: named, partitions, totals, rejects, now: Date.now, observe },
    table: table(log, named.topic(totals)),
    stages: [bind(copy, {}, { endpoints })],
  })
  running.failed.catch((error: Error) => {
    console.error(process.pid, 'stopped:', error.message)
    process.exit(1)
  })
  process.once(
    'SIGTERM',
    () =>
      void running
        .stop()
        .then(() => log.close())
        .then(() => process.exit(0)),
  )
  console.log('ready')
}

await work(JSON.parse(process.argv[2] ?? '{}') as Orders)
