import type { Bounds, Outgoing, Stored, Taken } from '../../runtime/log.ts'
import type { Mischief } from './faults.ts'

/** Bytes that a record counts for in a take. */
export const sizeOf = ({ key, value, headers }: Omit<Outgoing, 'timestamp'>) =>
  (key?.length ?? 0) +
  (value?.length ?? 0) +
  Object.entries(headers).reduce((sum, [k, v]) => sum + k.length + v.length, 0)

/**
 * One partition: its records, where it begins and ends, and how much of it readers see already. All of it is
 * synchronous, so that a settle that touches several partitions lands in one turn of the event loop.
 */
export interface Partition {
  /** The end lies after everything that has landed, seen or not, as a high watermark does. */
  bounds(): Bounds
  append(records: readonly Outgoing[]): void
  /** Positions that a transaction used up in vain. */
  skip(positions: number): void
  trim(before: number): void
  /** Trims what is older than this time, up to the first record that is not. */
  expire(olderThan: number): void
  compact(): void
  /** What readers see at `from` and after it. */
  visible(from: number, max: { records: number; bytes: number }): Taken
  /** Calls back once, when readers may see more. */
  onChange(call: () => void): () => void
  changed(): void
}

export const partition = ({ random, strikes }: Mischief, compacted: boolean): Partition => {
  let first = strikes('gaps') ? random.between(1, 40) : 0
  let end = first
  let seen = first
  let records: Stored[] = []
  const waiting = new Set<() => void>()

  const changed = () => {
    const calls = [...waiting]
    waiting.clear()
    for (const call of calls) call()
  }
  const reveal = (upTo: number) => {
    seen = Math.max(seen, upTo)
    changed()
  }
  // Whoever sees a batch sees those before it, so that the order is kept.
  const revealSoon = () => {
    const upTo = end
    if (strikes('lateVisibility')) setTimeout(() => reveal(upTo), random.between(1, 25))
    else reveal(upTo)
  }
  const skip = (positions: number) => {
    end += positions
    revealSoon()
  }

  const compact = () => {
    const newest = new Map(records.map(({ key, position }) => [key?.toString('latin1'), position]))
    records = records.filter(({ key, position }) => newest.get(key?.toString('latin1')) === position)
  }
  const trim = (before: number) => {
    first = Math.max(first, Math.min(before, end))
    records = records.filter(({ position }) => position >= first)
    changed()
  }

  return {
    bounds: () => ({ first, end }),
    append(added) {
      for (const record of added) records.push({ ...record, position: end++ })
      if (strikes('gaps')) end += random.between(1, 3)
      if (compacted && strikes('compaction')) compact()
      revealSoon()
    },
    skip,
    trim,
    expire(olderThan) {
      trim(records.find(({ timestamp }) => timestamp >= olderThan)?.position ?? end)
    },
    compact,
    visible: (from, max) => slice(records, from, seen, max),
    onChange(call) {
      waiting.add(call)
      return () => waiting.delete(call)
    },
    changed,
  }
}

const slice = (records: Stored[], from: number, seen: number, max: { records: number; bytes: number }): Taken => {
  const taken: Stored[] = []
  let bytes = 0
  for (let at = firstAt(records, from); at < records.length; at++) {
    const record = records[at]
    if (record === undefined || record.position >= seen) break
    bytes += sizeOf(record)
    if (taken.length > 0 && (taken.length >= max.records || bytes > max.bytes))
      return { records: taken, next: record.position }
    taken.push(record)
  }
  return { records: taken, next: Math.max(from, seen) }
}

/** Index of the first record at `from` or after it. */
const firstAt = (records: readonly Stored[], from: number) => {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((records[middle]?.position ?? Infinity) < from) low = middle + 1
    else high = middle
  }
  return low
}
