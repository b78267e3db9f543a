import { createHash } from 'node:crypto'
import { tried, type Failure, type World } from './attempts.ts'
import type { Codec } from './codec.ts'
import { Rejected, sentence, Unavailable } from './errors.ts'
import { isCopy, type Input } from './input.ts'
import type { Outgoing, Stored } from './log.ts'
import { about } from './measure.ts'
import type { Observe, Span } from './observe.ts'
import type { Processor, Tally, Try } from './processor.ts'
import type { Headers, Message, Names, Topic } from './topic.ts'

/** What a record leaves behind when it is settled: all of it becomes visible together, or nothing (I2). */
export interface Result {
  readonly records: readonly Outgoing[]
  readonly tallies: readonly Tally[]
}

/** All that turning one record into its result needs. */
export interface Handling<In, Ports> extends World {
  readonly processor: Processor<In, Ports>
  readonly ports: Ports
  readonly names: Names
  readonly codec: Codec
  readonly rejects: Topic<Buffer>
  /**
   * Is this stage to work on records of this run? What it is not to work on is settled and leaves nothing behind.
   * @throws Rejected for a run that nobody has announced.
   */
  readonly concerns?: ((stage: string, run: string) => Promise<boolean>) | undefined
  /** What the stage reads, where it is not its topic of the stream's own. */
  readonly input?: Input | undefined
  readonly observe: Observe
  readonly now: () => number
}

export const bytesOf = (records: readonly Outgoing[]): number =>
  records.reduce((sum, { key, value }) => sum + 100 + (key?.length ?? 0) + (value?.length ?? 0), 0)

/** Which run and record of it a stored record is: `<run>/<id>` in its key, where the run may stand in a header instead. */
export const originOf = (
  { key, headers }: Pick<Stored, 'key' | 'headers'>,
  { keyedByRun }: Pick<Topic, 'keyedByRun'>,
): { run: string; id: string } => {
  const text = key?.toString() ?? ''
  const cut = keyedByRun ? text.indexOf('/') : -1
  const run = headers.run ?? text.slice(0, Math.max(0, cut))
  return { run, id: text.startsWith(`${run}/`) ? text.slice(run.length + 1) : text }
}

/**
 * A retried dead letter takes its earlier outcome back, in the same transaction that gives it the new one. Of another
 * stream's outcomes nothing is to be taken back.
 */
const superseded = (record: Stored, from: Topic, input: Input | undefined): Tally[] => {
  const kind = record.headers['supersedes.kind']
  if (kind === undefined || input) return []
  const of = originOf(record, from)
  return [
    { ...of, outcome: 'rejected', reason: kind, times: -1 },
    { ...of, outcome: 'retried' },
  ]
}

/** It was sent back to a stage's input for that stage alone; others that read the same topic pass it over. */
const isForAnother = (record: Stored, stage: string) => (record.headers['supersedes.stage'] ?? stage) !== stage

/** It was sent once more, and what is read holds the original, too. */
const isThereTwice = (record: Stored, input: Input | undefined) =>
  input !== undefined && isCopy(record, input.from[record.partition] ?? 0)

/** A dead letter: key, value and headers as they were; where it came from and why in further headers. */
export const rejected = <In, Ports>(record: Stored, failure: Failure, handling: Handling<In, Ports>): Result => {
  const { names, processor, rejects, now } = handling
  const headers: Headers = {
    ...record.headers,
    'reject.topic': record.topic,
    'reject.partition': String(record.partition),
    'reject.position': String(record.position),
    'reject.timestamp': String(record.timestamp),
    'reject.stage': processor.name,
    'reject.kind': failure.kind,
    'reject.reason': failure.reason.slice(0, 2000),
    'reject.attempts': String(failure.attempts),
  }
  const { key, value, partition } = record
  return {
    records: [{ topic: names.topic(rejects), partition, key, value, headers, timestamp: now() }],
    tallies: [
      ...superseded(record, processor.from, handling.input),
      { ...originOf(record, processor.from), outcome: 'rejected', reason: failure.kind },
    ],
  }
}

/** What an output inherits; it is passed on from stage to stage. */
const inherited = ({ headers, partition, position }: Stored, input: Input | undefined): Headers => ({
  ...headers,
  ...(input && { ...input.headers, 'replayed.from': `${input.origin}/${partition}/${position}` }),
})

const passedOn = (headers: Headers, stage: string, attempts: number, traceparent: string | undefined): Headers => ({
  ...(headers.run !== undefined && { run: headers.run }),
  ...(headers.settings !== undefined && { settings: headers.settings }),
  ...(headers['replayed.from'] !== undefined && { 'replayed.from': headers['replayed.from'] }),
  stage,
  attempt: String(attempts),
  ...(traceparent !== undefined && { traceparent }),
})

/** Outputs as bytes, measured before they enter a batch. @throws Rejected when the log could never take one. */
const encoded = <In, Ports>(
  { codec, names, now }: Handling<In, Ports>,
  record: Stored,
  headers: Headers,
  { topic, key, value, headers: own }: Message,
): Outgoing => {
  const bytes = value === null ? null : codec.encode(topic, value)
  if (bytes && bytes.length > topic.maxBytes) {
    throw new Rejected(
      `its output to ${topic.name} has ${bytes.length} bytes, more than the ${topic.maxBytes} allowed there`,
    )
  }
  return {
    topic: names.topic(topic),
    partition: topic.control ? 0 : record.partition,
    key: Buffer.from(key),
    value: bytes,
    headers: { ...headers, ...own },
    timestamp: now(),
  }
}

interface Stepped<In> {
  readonly value: In | undefined
  readonly outputs: Message[]
}

const stepOn = async <In, Ports>(
  { processor, ports, codec, concerns }: Handling<In, Ports>,
  record: Stored,
  signal: AbortSignal,
  tried: Try,
): Promise<Stepped<In> | 'no concern'> => {
  const { run } = originOf(record, processor.from)
  const attempt = { ...tried, run }
  if (run !== '' && concerns && !(await concerns(processor.name, run))) return 'no concern'
  if (record.value !== null) {
    const value = await codec.decode(processor.from, record.value)
    return { value, outputs: await processor.step(value, ports, signal, attempt) }
  }
  if (!processor.forget) throw new Rejected(`${processor.name} was handed a record without a value`)
  return { value: undefined, outputs: await processor.forget(record.key?.toString() ?? '', ports, signal, attempt) }
}

/** What a span says of a record: of its key only a hash, of its content nothing. */
const aboutRecord = ({ key, partition, position, timestamp }: Stored, run: string, stage: string, now: number) =>
  about({
    ...{ stage, run, partition, position, queue_seconds: Math.max(0, now - timestamp) / 1000 },
    key_hash: key === null ? undefined : createHash('sha256').update(key).digest('hex').slice(0, 16),
  })

/** What a step made of its value, ready to be written. @throws Rejected when the log could never take it. */
const written = <In, Ports>(
  record: Stored,
  handling: Handling<In, Ports>,
  { value, outputs }: Stepped<In>,
  headers: Headers,
): Result => {
  const { processor, input } = handling
  const from = processor.from as Topic
  const records = outputs.map((message) => encoded(handling, record, headers, message))
  const tally =
    value === undefined ? { outcome: 'forgotten' } : (processor.tally?.(value, outputs) ?? { outcome: 'done' })
  return { records, tallies: [...superseded(record, from, input), { ...originOf(record, from), ...tally }] }
}

/** @param span of the work on this record, which its outputs continue */
const handled = async <In, Ports>(
  record: Stored,
  handling: Handling<In, Ports>,
  signal: AbortSignal,
  span: Span,
): Promise<Result> => {
  const { processor, observe, input, now } = handling
  const stage = processor.name
  const { topic, partition, position } = record
  const onRetry = (error: unknown, attempt: number) => {
    const kind = error instanceof Unavailable ? 'unavailable' : 'failed'
    observe.meter.count('gainstream_retries_total', 1, { stage, kind })
    observe.logger.warn({ stage, topic, partition, position, attempt, error: sentence(error) }, 'trying again')
  }
  const given = (failure: Failure) => {
    span.say(() => about({ attempts: failure.attempts, outcome: 'rejected', kind: failure.kind }))
    span.fail(failure.kind)
    return rejected(record, failure, handling)
  }
  span.say(() => aboutRecord(record, originOf(record, processor.from).run, stage, now()))
  const outcome = await tried((s, attempt) => stepOn(handling, record, s, attempt), handling, signal, onRetry)
  if ('failure' in outcome) return given(outcome.failure)
  const { value, attempts } = outcome
  if (value === 'no concern') return { records: [], tallies: [] }
  try {
    const headers = passedOn(inherited(record, input), stage, attempts, span.traceparent)
    const result = written(record, handling, value, headers)
    span.say(() => about({ attempts, outcome: result.tallies.at(-1)?.outcome }))
    return result
  } catch (error) {
    return given({ kind: 'unwritable', reason: sentence(error), attempts })
  }
}

/** From a record to what it leaves behind. @throws Fatal, or the signal's reason. */
export const handle = async <In, Ports>(
  record: Stored,
  handling: Handling<In, Ports>,
  signal: AbortSignal,
): Promise<Result> => {
  const { processor, observe, input } = handling
  if (isForAnother(record, processor.name) || isThereTwice(record, input)) return { records: [], tallies: [] }
  const origin = { traceparent: record.headers.traceparent }
  return observe.tracer.span(processor.name, origin, (span) => handled(record, handling, signal, span))
}
