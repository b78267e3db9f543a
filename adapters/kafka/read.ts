/** Reading without a group. */
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { ReadOptions, Stored, TopicInfo } from '../../runtime/log.ts'
import { delay, pause } from '../../runtime/wait.ts'
import type { Client } from './client.ts'
import { translated } from './failures.ts'
import { fetcher, recordsOf, type Fetcher, type Page } from './fetch.ts'
import { describe } from './topics.ts'
import { unless } from './unless.ts'

interface Cursor {
  readonly partition: number
  at: number
  readonly end: number
}

const bytes = 1_048_576

const cursorsOf = ({ partitions }: TopicInfo, { from = [], until }: ReadOptions): Cursor[] =>
  partitions.map(({ first, end }, partition) => ({
    partition,
    at: Math.max(from[partition] ?? 0, first),
    end: until === 'forever' ? Infinity : (until?.[partition] ?? end),
  }))

/** Committed records up to the given ends: waits for transactions that are still open before them. */
export async function* read(client: Client, topic: string, options: ReadOptions = {}): AsyncGenerator<Stored> {
  const signal = options.signal ? AbortSignal.any([options.signal, client.closed]) : client.closed
  const info = await describe(client, topic, signal).catch((error: unknown) => {
    if (options.signal?.aborted) return undefined
    throw error
  })
  if (signal.aborted) return
  if (!info) throw new Fatal(`there is no topic ${topic} to read: make it first`)
  const cursors = cursorsOf(info, options)
  const source = fetcher(client, topic)
  try {
    for (;;) {
      const open = cursors.filter(({ at, end }) => at < end)
      if (signal.aborted || open.length === 0) return
      const pages = await patiently(client, source, topic, open, signal)
      for (const cursor of open) {
        const page = pages.get(cursor.partition)
        if (!page) continue
        cursor.at = page.next
        for (const record of recordsOf(topic, cursor.partition, page)) {
          if (signal.aborted) return
          if (record.position < cursor.end) yield record
        }
      }
    }
  } finally {
    source.close()
  }
}

const none: Map<number, Page> = new Map()

const patiently = async (
  { settings }: Client,
  source: Fetcher,
  topic: string,
  open: readonly Cursor[],
  signal: AbortSignal,
) => {
  const wants = open.map(({ partition, at }) => ({ partition, from: at }))
  const until = Date.now() + settings.patience
  for (let failures = 0; ; failures++) {
    try {
      return (await unless([signal], source.fetch(wants, { committed: true, wait: settings.poll, bytes }))) ?? none
    } catch (error) {
      if (signal.aborted) return none
      const reason = translated(error, `reading ${topic}`)
      if (!(reason instanceof Unavailable) || Date.now() > until) throw reason
      await pause(10 + delay({ from: 20, to: 1_000 }, failures), signal)
    }
  }
}
