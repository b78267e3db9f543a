/** A seat: open = fence, then read what was settled; settle = one transaction of records and the position. */
import type { Outcome, Outgoing, Seat, Settled } from '../../runtime/log.ts'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { toError, within } from '../../runtime/wait.ts'
import type { Client } from './client.ts'
import { isFenced, isRefused, translated } from './failures.ts'
import type { Limits, LimitsOf } from './topics.ts'
import { transactions, weightOf, type Position } from './transactions.ts'
import { unless } from './unless.ts'

export interface Place {
  /** Of the transactions. */
  readonly id: string
  /** May this holder open the seat? @throws Fatal after `lost` was aborted; Unavailable while nothing proves it */
  prove(signal: AbortSignal): Promise<void>
  /** Asked only after the fence. */
  settled(signal: AbortSignal): Promise<Settled | undefined>
  /** How the position is written: as an offset, or as records. */
  written(settled: Settled): { records: readonly Outgoing[]; position: Position | undefined }
  /** After being shut out: true where it may open again, because who shut it out was not entitled to. */
  mayReturn(): Promise<boolean>
  readonly lost: AbortSignal | undefined
}

const longestNote = 4_000

export const seatAt = (client: Client, limits: LimitsOf, place: Place): Seat => {
  const { deadline } = client.settings
  const producer = transactions(client, place.id)
  let opening: Promise<Settled | undefined> | undefined
  let closed = false
  let shutOut = false
  /** Why no settle can succeed as things are: this user may not write there. Said by the next `open`. */
  let forbidden: Fatal | undefined
  /** How far an opening has come, for the sentence of one that comes no further. */
  let step = ''
  const gone = () => place.lost?.aborted || client.closed.aborted

  const reopened = async () => {
    const late = () =>
      new Unavailable(`${place.id} could not be opened within ${deadline} ms (${step})`, { endpoint: 'kafka' })
    try {
      step = 'while earlier holders were shut out'
      await place.prove(client.closed)
      return await within(deadline, client.closed, opened, late)
    } catch (error) {
      throw translated(error, `opening ${place.id}`)
    } finally {
      opening = undefined
    }
  }
  const opened = async (signal: AbortSignal) => {
    await producer.fence()
    try {
      signal.throwIfAborted()
      step = 'while what was settled was read'
      const settled = await place.settled(signal)
      shutOut = false
      return settled
    } finally {
      if (closed) producer.discard() // also where nobody waited for the fence any more
    }
  }

  /** Nothing is known of the batch, and what is known of why it failed is kept. */
  const unknown = (error: unknown, batch: readonly Outgoing[]): Outcome => {
    const topics = [...new Set(batch.map(({ topic }) => topic))].join(', ')
    const reason = translated(error, `settling ${place.id} into ${topics}`)
    if (reason instanceof Fatal) forbidden = reason
    return { kind: 'unknown', cause: toError(error) }
  }
  const failed = async (error: unknown, batch: readonly Outgoing[]): Promise<Outcome> => {
    const cause = toError(error)
    producer.discard()
    if (isRefused(error)) {
      // Nothing was committed, and the seat stays this holder's, with a new producer.
      return reopened().then(
        () => ({ kind: 'refused', cause }),
        () => ({ kind: 'unknown', cause }),
      )
    }
    shutOut = isFenced(error) && !(await place.mayReturn())
    return shutOut ? { kind: 'fenced' } : unknown(error, batch)
  }

  return {
    async open(signal) {
      closed = false
      if (forbidden) throw forbidden
      // Who gave up waiting did not stop it: the next one who asks gets what it finds, as nothing was settled since.
      opening ??= reopened()
      const found = await unless(
        [signal],
        opening.then((settled) => ({ settled })),
      )
      if (!found) throw new Unavailable(`opening ${place.id} was given up`, { endpoint: 'kafka' })
      return found.settled
    },
    async settle(batch) {
      if (gone() || shutOut) return { kind: 'fenced' }
      const { records, position } = place.written(batch.settled)
      const all = [...batch.records, ...records]
      let bytes: number
      try {
        const topics = await limitsIn(limits, all)
        const cause = settledRefusal(batch.settled) ?? refusal(topics, all)
        if (cause) return { kind: 'refused', cause }
        bytes = chunkOf(topics)
      } catch (error) {
        return unknown(error, all)
      }
      if (!producer.open) return { kind: 'unknown', cause: new Error(`${place.id} has to be opened again`) }
      const late = () => new Error(`settling ${place.id} took longer than ${deadline} ms`)
      try {
        await within(deadline, client.closed, () => producer.commit(all, position, bytes), late)
        return { kind: 'done' }
      } catch (error) {
        return await failed(error, all)
      }
    },
    async close() {
      closed = true
      producer.discard()
    },
  }
}

type Topics = ReadonlyMap<string, Limits | undefined>

const limitsIn = async (limits: LimitsOf, records: readonly Outgoing[]): Promise<Topics> => {
  const found = new Map<string, Limits | undefined>()
  for (const { topic } of records) if (!found.has(topic)) found.set(topic, await limits.of(topic))
  return found
}

const largestChunk = 500_000
/** A record batch holds no more than half of what the strictest of the topics takes: one that is full still fits. */
const chunkOf = (topics: Topics) =>
  Math.min(largestChunk, ...[...topics.values()].map((limits) => (limits?.batch ?? Infinity) / 2))

const settledRefusal = ({ position, note }: Settled): Error | undefined => {
  if (!Number.isSafeInteger(position) || position < 0)
    return new Error(`a settled position must be a whole number, not ${position}`)
  if (note.length > longestNote) return new Error(`a note of ${note.length} characters is over the ${longestNote}`)
  return undefined
}

const refusal = (topics: Topics, records: readonly Outgoing[]): Error | undefined => {
  for (const record of records) {
    const { topic, partition, value } = record
    const most = topics.get(topic)
    if (!most) return new Error(`there is no topic ${topic}`)
    if (partition >= most.partitions) return new Error(`topic ${topic} has no partition ${partition}`)
    const bytes = value?.length ?? 0
    if (bytes > most.value || weightOf(record) > most.batch)
      return new Error(`a record of ${bytes} bytes is too large for ${topic} (${most.value})`)
  }
  return undefined
}
