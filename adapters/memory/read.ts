import type { ReadOptions, Stored } from '../../runtime/log.ts'
import { change } from './claim.ts'
import type { Partition } from './partition.ts'
import type { Process } from './process.ts'

const page = { records: 200, bytes: 16_000_000 }

/** Committed records of all partitions, a page of each in turn, as readers come to see them. */
export async function* read(
  process: Process,
  partitions: readonly Partition[],
  options: ReadOptions,
): AsyncGenerator<Stored> {
  const { from = [], until, signal = new AbortController().signal } = options
  const cursors = partitions.map((where, p) => ({
    where,
    at: Math.max(from[p] ?? 0, where.bounds().first),
    end: until === 'forever' ? Infinity : (until?.[p] ?? where.bounds().end),
  }))
  for (;;) {
    const open = cursors.filter(({ at, end }) => at < end)
    if (signal.aborted || open.length === 0) return
    await process.wait(0)
    let moved = false
    for (const cursor of open) {
      const { records, next } = cursor.where.visible(cursor.at, page)
      moved ||= next > cursor.at
      cursor.at = next
      yield* records.filter(({ position }) => position < cursor.end && !signal.aborted)
    }
    if (!moved)
      await anyChange(
        open.map(({ where }) => where),
        signal,
      )
  }
}

const anyChange = async (partitions: readonly Partition[], signal: AbortSignal) => {
  const settled = new AbortController()
  const stop = AbortSignal.any([signal, settled.signal])
  await Promise.race(partitions.map((where) => change(where, stop)))
  settled.abort()
}
