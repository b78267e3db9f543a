import type { Stored } from './log.ts'
import { longestSpan } from './note.ts'

/**
 * The records of one partition between the settled prefix and the newest record taken. Pure bookkeeping: it decides
 * what is settled, what may be forgotten and what is still held (I3, I6); it waits for nothing.
 *
 * - W1 A position before `base` is settled; one that is tracked or recorded as settled is never worked on again.
 * - W2 `after(batch)` is the prefix and the positions ahead of it as they are once `batch` is settled.
 * - W3 `base` is what the log holds as settled, never what merely could be.
 * - W4 A settled entry holds no bytes; an entry is forgotten when the prefix passes it.
 * - W5 Records with the same key are worked on one after the other, in their order.
 */
export interface Entry<R> {
  record: Stored
  /** Of the record, so that it is worked out once. */
  key: string | undefined
  state: 'waiting' | 'working' | 'finished' | 'settled'
  result: R | undefined
  bytes: number
}

export interface Progress {
  readonly position: number
  readonly ahead: readonly number[]
}

/** Where it was is all that has to be known of a settled record. */
const emptied = (record: Stored): Stored => ({ ...record, key: null, value: null, headers: {} })

const sizeOf = ({ key, value }: Stored) => 100 + (key?.length ?? 0) + (value?.length ?? 0)

export const trackedWindow = <R>(start: Progress) => {
  let base = start.position
  let next = start.position
  let bytes = 0
  let working = 0
  let entries: Entry<R>[] = []
  let waiting: Entry<R>[] = []
  const done = new Set(start.ahead)
  const keysInWork = new Set<string>()
  const leaveWork = ({ key }: Entry<R>) => {
    working--
    if (key !== undefined) keysInWork.delete(key)
  }
  const finished = new Set<Entry<R>>()

  const release = (entry: Entry<R>) => {
    if (entry.state === 'working') leaveWork(entry)
    if (entry.state === 'waiting') waiting = waiting.filter((other) => other !== entry)
    finished.delete(entry)
    bytes -= entry.bytes
    entry.bytes = 0
    entry.state = 'settled'
    entry.result = undefined
    entry.record = emptied(entry.record)
    entry.key = undefined
  }

  const trim = (prefix: number) => {
    let passed = 0
    while (passed < entries.length && entries[passed]!.record.position < prefix) passed++
    if (passed > 0) entries = entries.slice(passed)
    for (const position of done) if (position < prefix) done.delete(position)
    base = Math.max(base, prefix)
  }

  const progress = (batch: ReadonlySet<Entry<R>>): Progress => {
    const open = entries.find((entry) => entry.state !== 'settled' && !batch.has(entry))
    const position = open?.record.position ?? next
    const ahead = entries
      .filter((entry) => entry.record.position >= position && (entry.state === 'settled' || batch.has(entry)))
      .map((entry) => entry.record.position)
    return { position, ahead: [...ahead, ...[...done].filter((at) => at >= position)] }
  }

  /** The note holds positions up to here: after a long stretch without records, later ones wait for the prefix. */
  const noted = () => (entries.find(({ state }) => state !== 'settled')?.record.position ?? next) + longestSpan

  return {
    /** Where the next record is to be taken from. */
    get next() {
      return next
    },
    get base() {
      return base
    },
    get bytes() {
      return bytes
    },
    get working() {
      return working
    },
    get waiting() {
      return waiting.length
    },
    get finished() {
      return finished.size
    },
    /** Positions from the settled prefix to the newest record taken. */
    get span() {
      return next - base
    },
    /** Nothing is under way, and the prefix may move past what was read without a record to settle. */
    get moved() {
      return waiting.length + working + finished.size === 0 && next > base
    },
    /** What is in work at this position. */
    inWork: (position: number) =>
      entries.find(({ record, state }) => state === 'working' && record.position === position),

    /** The record that holds the prefix back. */
    oldest: () => entries.find((entry) => entry.state !== 'settled'),

    /** Tracks what was taken, and moves `next`. */
    take(records: readonly Stored[], upTo: number) {
      for (const record of records) {
        if (record.position < next) continue // W1: delivered again
        const settled = done.delete(record.position)
        const kept = settled ? emptied(record) : record
        const key = kept.key?.toString('latin1')
        const entry: Entry<R> = {
          record: kept,
          key,
          state: settled ? 'settled' : 'waiting',
          result: undefined,
          bytes: 0,
        }
        entries.push(entry)
        if (settled) continue
        entry.bytes = sizeOf(record)
        bytes += entry.bytes
        waiting.push(entry)
      }
      next = Math.max(next, upTo)
    },

    /** The next record to work on, now in work (W5); undefined where there is none. */
    start(): Entry<R> | undefined {
      const at = waiting.findIndex((entry) => !keysInWork.has(entry.key ?? ''))
      const [entry] = at === 0 ? [waiting.shift()] : at > 0 ? waiting.splice(at, 1) : []
      if (!entry) return undefined
      entry.state = 'working'
      working++
      if (entry.key !== undefined) keysInWork.add(entry.key)
      return entry
    },

    /** False when the entry is no longer tracked as in work: its completion counts for nothing (I4). */
    finish(entry: Entry<R>, result: R, outputBytes: number): boolean {
      if (entry.state !== 'working') return false
      leaveWork(entry)
      entry.state = 'finished'
      entry.result = result
      entry.bytes += outputBytes
      bytes += outputBytes
      finished.add(entry)
      return true
    },

    /** Something can be settled now. */
    get ready() {
      const reach = noted()
      for (const entry of finished) if (entry.record.position < reach) return true
      return false
    },

    /** Finished records in the order they finished, within the limits, at least one where something is ready. */
    batch(limit: { records: number; bytes: number }): Entry<R>[] {
      const picked: Entry<R>[] = []
      const reach = noted()
      let size = 0
      for (const entry of finished) {
        if (entry.record.position >= reach) continue
        if (picked.length > 0 && (picked.length >= limit.records || size + entry.bytes > limit.bytes)) break
        picked.push(entry)
        size += entry.bytes
      }
      return picked
    },

    after: (batch: readonly Entry<R>[]): Progress => progress(new Set(batch)),

    /** The log has settled this batch, and its prefix stands at `position`: what has come since is not in it. */
    settle(batch: readonly Entry<R>[], position: number) {
      for (const entry of batch) release(entry)
      trim(position)
    },

    /** Takes over what the log says is settled: after an outcome that is unknown, only this counts. */
    adopt({ position, ahead }: Progress) {
      const known = new Set(ahead)
      for (const entry of entries) {
        const at = entry.record.position
        if (entry.state !== 'settled' && (at < position || known.has(at))) release(entry)
        known.delete(at)
      }
      for (const at of known) if (at >= next) done.add(at)
      next = Math.max(next, position)
      trim(position)
    },
  }
}
export type TrackedWindow<R> = ReturnType<typeof trackedWindow<R>>
