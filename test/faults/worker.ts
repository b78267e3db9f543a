/** A process of the fault runs: the real engine on Kafka, with two stages that copy. `workers.ts` starts it, faults break it. */
import { appendFileSync } from 'node:fs'
import { connect as open } from 'node:net'
import { openKafkaLog, type KafkaOptions } from '../../adapters/kafka/log.ts'
import { confluentRegistry } from '../../adapters/registry/index.ts'
import { bind, engine } from '../../runtime/engine.ts'
import { sentence } from '../../runtime/errors.ts'
import { unobserved, type Observe } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { table } from '../../runtime/table.ts'
import { minutes, names } from '../../runtime/topic.ts'
import { pause } from '../../runtime/wait.ts'
import { avroCodec } from '../../schemas/codec.ts'
import { rejects, totals } from '../../topics/index.ts'
import { stages, type Item } from './items.ts'

/** What a worker is told on its command line, as JSON. Times in milliseconds. */
export interface Orders {
  readonly brokers: readonly string[]
  readonly registry: string
  readonly prefix: string
  readonly partitions: number
  readonly session: number
  /** Records in work per partition, and how long one takes on average. */
  readonly inFlight: number
  readonly pace: number
  /** Every step that begins, and what went wrong with commits, leaves a line here. */
  readonly notes: string
  /** Ports that are reached by way of others. */
  readonly via?: Readonly<Record<string, number>>
  /** One record whose first step takes long. */
  readonly stuck?: { readonly id: string; readonly ms: number } | undefined
}

/** Lines of JSON on standard error, and the events that say how hard a fault has hit. */
const observing = (note: (what: string) => void): Observe => ({
  ...unobserved,
  logger: {
    ...unobserved.logger,
    warn: (fields, message) => console.error(JSON.stringify({ at: new Date().toISOString(), message, ...fields })),
  },
  meter: {
    ...unobserved.meter,
    count: (name, _value, labels) => {
      if (name === 'gainstream_commits_total' && 'kind' in labels && labels.kind !== 'done')
        note(`! ${String(labels.kind)}`)
    },
  },
})

const routed =
  (via: Readonly<Record<string, number>>): NonNullable<KafkaOptions['connect']> =>
  ({ host, port, onConnect }) =>
    open({ host, port: via[port] ?? port, noDelay: true }, onConnect)

const copying = ({ inFlight, pace, stuck }: Orders, note: (what: string) => void) =>
  stages.map(({ stage, from, to }) =>
    processor<Item, unknown>({
      ...{ name: stage, from, to: [to], policy: bulk({ inFlight, timeout: minutes(30) }) },
      async step(item, _ports, signal) {
        note(`${stage} ${item.id}`)
        const isStuck = stage === 'relay' && item.id === stuck?.id
        await pause(isStuck ? stuck.ms : Math.random() * 2 * pace, signal)
        signal.throwIfAborted()
        return [to.message(item)]
      },
    }),
  )

const work = async (orders: Orders) => {
  const { brokers, registry, prefix, partitions, session, notes, via = {} } = orders
  const note = (what: string) => appendFileSync(notes, `${Date.now()} ${what}\n`)
  const log = await openKafkaLog({ brokers, session, heartbeat: session / 6, create: false, connect: routed(via) })
  const named = names(prefix, 's')
  const codec = avroCodec(confluentRegistry({ url: registry }), { subject: (topic) => `${prefix}.s.${topic}-value` })
  const running = await engine({
    ...{ log, codec, names: named, partitions, totals, rejects, now: Date.now, observe: observing(note) },
    table: table(log, named.topic(totals)),
    stages: copying(orders, note).map((each) => bind(each, {})),
  })
  note('! ready')
  running.failed.catch(stopped)
  process.once('SIGTERM', () => void running.stop().then(() => process.exit(0)))
}

const stopped = (error: unknown) => {
  console.error(`stopped: ${sentence(error)}`)
  process.exit(1)
}

if (process.argv[2]) await work(JSON.parse(process.argv[2]) as Orders).catch(stopped)
