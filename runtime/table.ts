import type { Log } from './log.ts'

/**
 * The newest value of each key of a compacted topic, kept as bytes and decoded by whoever asks.
 *
 * `refresh` reads to where the topic ends at that moment (or one partition of it, which waits for nothing that is open
 * in the others); without it the table stays as it was.
 */
export interface Table {
  get(key: string): Buffer | undefined
  /** Keys with what they stand for, in no order. */
  entries(): Iterable<readonly [string, Buffer]>
  refresh(options?: { signal?: AbortSignal | undefined; partition?: number }): Promise<void>
}

export const table = (log: Log, topic: string): Table => {
  const values = new Map<string, Buffer>()
  let from: number[] = []
  let running: Promise<void> | undefined
  const readOn = async (signal?: AbortSignal, only?: number) => {
    const info = await log.describe(topic)
    if (!info) return
    const until = info.partitions.map(({ end }, at) => (only === undefined || at === only ? end : (from[at] ?? 0)))
    for await (const { key, value } of log.read(topic, { from, until, ...(signal && { signal }) })) {
      if (key === null) continue
      if (value === null) values.delete(key.toString())
      else values.set(key.toString(), value)
    }
    signal?.throwIfAborted()
    from = until
  }
  return {
    get: (key) => values.get(key),
    entries: () => values.entries(),
    async refresh({ signal, partition } = {}) {
      // One after the other: a refresh that began before the caller's last write would not show it.
      while (running) await running.catch(() => {})
      running = readOn(signal, partition).finally(() => (running = undefined))
      await running
    },
  }
}
