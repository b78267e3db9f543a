import type { Codec } from './codec.ts'
import { Fatal, Unavailable } from './errors.ts'
import type { Log, Outgoing, Outcome, Seat, Settled } from './log.ts'
import { partitionOf } from './partition.ts'
import { unobserved, type Observe } from './observe.ts'
import type { Headers, Message, Names, Topic } from './topic.ts'
import { delay, pause } from './wait.ts'

/**
 * Records that enter from outside commit together with how far the source has been read: however often the importer
 * dies, and however often it is given the same source, each record enters once.
 */
export interface SourceOptions {
  readonly log: Log
  readonly codec: Codec
  readonly names: Names
  readonly partitions: number
  /** Identifies the source: what it is (a content hash) and where it goes (the run). */
  readonly name: string
  /** For people: where the content came from. */
  readonly origin: string
  readonly now: () => number
  readonly signal: AbortSignal
  readonly batch?: { records: number; bytes: number }
  /** Go with every record. */
  readonly headers?: Headers
  /** Entered so far, of this source. */
  readonly onProgress?: (entered: number) => void
  /** Each record that enters begins a trace, or continues its own. */
  readonly observe?: Pick<Observe, 'tracer'>
}

/** A message with its place in the source: `position` is how much of the source is used up with it, from 1. */
export interface Item {
  readonly message: Message
  readonly position: number
  /** Where it belongs, if not where its key says: a retried record goes back to where it was. */
  readonly partition?: number
}

export interface Entered {
  /** How much of the source stands in the log, over all attempts. */
  readonly position: number
  /** How many messages entered in this attempt. */
  readonly entered: number
}

const retry = { from: 50, to: 5000 }

const traced = ({ observe = unobserved }: SourceOptions, { topic, headers }: Message): Headers => {
  if (topic.control) return {}
  const { traceparent } = observe.tracer.mark('ingest', { traceparent: headers.traceparent })
  return traceparent === undefined ? {} : { traceparent }
}

const outgoing = (
  options: SourceOptions,
  message: Message,
  partition = partitionOf(message.key, options.partitions),
): Outgoing => {
  const { codec, names, now, headers: common } = options
  const { topic, key, value, headers } = message
  return {
    topic: names.topic(topic),
    partition: topic.control ? 0 : partition,
    key: Buffer.from(key),
    value: value === null ? null : codec.encode(topic, value),
    headers: { ...common, ...headers, ...traced(options, message) },
    timestamp: now(),
  }
}

/** Finds a topic's schema when the first message goes there: whoever only looks needs no right to write. */
const writing = (options: SourceOptions) => {
  const prepared = new Set<Topic>()
  return async (message: Message, partition?: number): Promise<Outgoing> => {
    const { topic } = message
    if (!prepared.has(topic)) await options.codec.prepare([topic])
    prepared.add(topic)
    return outgoing(options, message, partition)
  }
}

const opened = async (seat: Seat, signal: AbortSignal): Promise<Settled | undefined> => {
  for (let failures = 0; ; failures++) {
    try {
      return await seat.open(signal)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      await pause(delay(retry, failures), signal)
      signal.throwIfAborted()
    }
  }
}

/** Somebody else holds the source, or went on with it in the meantime. */
export class Overtaken extends Fatal {}

const another = (name: string) => new Overtaken(`another process is importing ${name}; let it finish`)

/** On Kafka, brokers shut out a holder that leaves a transaction open for long, and it cannot tell who did it. */
const shutOut = (name: string) =>
  new Overtaken(
    `another process is importing ${name}, or this one stood still for too long in the middle of a commit: ` +
      'where no other one runs, the same command goes on from here',
  )

/** Settles a batch for certain: after an unknown outcome the seat tells whether it was, or whether another went on. */
const settle = async (
  seat: Seat,
  records: readonly Outgoing[],
  before: number,
  settled: Settled,
  { signal, name }: SourceOptions,
) => {
  for (;;) {
    const outcome: Outcome = await seat.settle({ records, settled })
    if (outcome.kind === 'done') return
    if (outcome.kind === 'fenced') throw shutOut(name)
    if (outcome.kind === 'refused') throw new Fatal(`the log refuses records of ${name}: ${outcome.cause.message}`)
    const now = (await opened(seat, signal))?.position ?? 0
    if (now === settled.position) return
    if (now !== before) throw another(name)
    await pause(delay(retry, 0), signal)
    signal.throwIfAborted()
  }
}

/**
 * Enters what `items` yields, from where the last attempt ended: `items(from)` must leave out what stands before
 * `from`. What `last` gives is written with the final batch, in its transaction: e.g. that the run is closed.
 *
 * @throws Overtaken when another process imports the same source, and whatever `items` throws.
 */
export const enter = async (
  options: SourceOptions,
  items: (from: number) => AsyncIterable<Item> | Iterable<Item>,
  last: (position: number) => readonly Message[] = () => [],
): Promise<Entered> => {
  const { log, names, name, origin, signal, onProgress } = options
  const limit = options.batch ?? { records: 500, bytes: 4 * 1024 * 1024 }
  const note = encodeURI(origin).slice(0, 2000)
  const seat = log.source(names.group('ingest'), name)
  const written = writing(options)
  try {
    let position = (await opened(seat, signal))?.position ?? 0
    let before = position
    let entered = 0
    let records: Outgoing[] = []
    let bytes = 0
    const flush = async () => {
      await settle(seat, records, before, { position, note }, options)
      before = position
      entered += records.length
      ;[records, bytes] = [[], 0]
      onProgress?.(position)
    }
    for await (const item of items(position)) {
      signal.throwIfAborted()
      if (records.length >= limit.records || bytes >= limit.bytes) await flush()
      const record = await written(item.message, item.partition)
      records.push(record)
      bytes += record.value?.length ?? 0
      position = item.position
    }
    if (records.length > 0) {
      const closing = last(position)
      for (const message of closing) records.push(await written(message))
      entered -= closing.length
      await flush()
    }
    return { position, entered }
  } finally {
    await seat.close().catch(() => {})
  }
}
