/**
 * The seat of a source. Its position is a record of a compacted topic, not an offset of a group: offsets of a group
 * without members expire after a week, and then the same file would enter twice.
 */
import type { Seat, Settled, TopicSpec } from '../../runtime/log.ts'
import type { Client } from './client.ts'
import { fetcher } from './fetch.ts'
import { seatAt } from './seat.ts'
import { apply, describe, type LimitsOf } from './topics.ts'

export const seatsOf = (group: string) => `${group}.seats`

/** Where the sources of a group keep their positions. */
export const seatsSpec = (group: string): TopicSpec => ({
  ...{ name: seatsOf(group), partitions: 1, retention: 'forever', compact: true, maxBytes: 16_384 },
})

export const source = (client: Client, limits: LimitsOf, group: string, name: string): Seat => {
  const topic = seatsOf(group)
  return seatAt(client, limits, {
    id: `${group}.${name}`,
    lost: undefined,
    prove: () => apply(client, [seatsSpec(group)]),
    settled: (signal) => newest(client, topic, name, signal),
    written: (settled) => ({
      position: undefined,
      records: [
        {
          ...{ topic, partition: 0, headers: {}, timestamp: Date.now() },
          key: Buffer.from(name),
          value: Buffer.from(JSON.stringify(settled)),
        },
      ],
    }),
    mayReturn: async () => false,
  })
}

const how = { committed: false, wait: 0, bytes: 1_048_576 }

/**
 * The newest committed position under this name. Reads past transactions of other sources that are still open: all of
 * this source's own are decided once its seat was fenced, and their markers are there.
 */
const newest = async (client: Client, topic: string, name: string, signal: AbortSignal) => {
  const bounds = (await describe(client, topic, signal))?.partitions[0]
  const from = fetcher(client, topic)
  const open = new Map<string, Settled>()
  let settled: Settled | undefined
  try {
    for (let at = bounds?.first ?? 0; at < (bounds?.end ?? 0);) {
      signal.throwIfAborted()
      const page = (await from.fetch([{ partition: 0, from: at }], how)).get(0)
      for (const { key, value, isControlRecord, batchContext } of page?.raw ?? []) {
        const { producerId } = batchContext
        if (isControlRecord) {
          if (isCommit(key)) settled = open.get(producerId) ?? settled
          open.delete(producerId)
        } else if (key?.toString() === name && value) open.set(producerId, JSON.parse(value.toString()) as Settled)
      }
      at = page?.next ?? at
    }
    return settled
  } finally {
    from.close()
  }
}

/** A marker's key is its version and its type, 16 bits each: 0 aborts, 1 commits. */
const isCommit = (key: Buffer | null) => key?.readInt16BE(2) === 1
