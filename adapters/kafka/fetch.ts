/** Reading by position: no group, no fetch loop, nothing that could move a position by itself. */
import type { Stored } from '../../runtime/log.ts'
import { connectedTo, type Client } from './client.ts'
import { textOf } from './headers.ts'
import { factsOf } from './topics.ts'
import { topicFacts, type TopicFacts } from './requests.ts'
import type { Cluster, Fetched, Record } from './vendor.ts'

export interface Page {
  /** Everything that was read, aborted records and markers too, from `from` on. */
  readonly raw: readonly Record[]
  readonly aborted: Fetched['abortedTransactions']
  /** Where to read on: past markers, and past what compaction left empty. */
  readonly next: number
}

export interface Want {
  readonly partition: number
  readonly from: number
}

export interface How {
  readonly committed: boolean
  /** Milliseconds that the broker may wait for something to come. */
  readonly wait: number
  readonly bytes: number
  /** The topic must be the one of this id: a fetch knows it by its name alone. */
  readonly id?: string
}

export interface Fetcher {
  /** @throws what kafkajs throws; the next call finds the leaders anew */
  fetch(wants: readonly Want[], how: How): Promise<Map<number, Page>>
  close(): void
}

/** Reads one topic over connections of its own: a broker answers one question of a connection after the other. */
export const fetcher = (client: Client, topic: string): Fetcher => {
  const cluster = client.borrow()
  let facts: TopicFacts | undefined
  let asking = 0
  let sound = true

  const ask = async (nodeId: number, wants: readonly Want[], { committed, wait, bytes }: How) => {
    const broker = await cluster.findBroker({ nodeId })
    const partitions = wants.map(({ partition, from }) => ({ partition, fetchOffset: String(from), maxBytes: bytes }))
    const limits = { isolationLevel: committed ? 1 : 0, maxWaitTime: wait, minBytes: 1, maxBytes: bytes }
    const { responses } = await broker.fetch({ ...limits, topics: [{ topic, partitions }] })
    return new Map(responses.flatMap((each) => each.partitions).map((found) => [found.partition, found]))
  }

  /** A page that has nothing although something is there: the limit of bytes went to others, or all of it is empty. */
  const alone = async (nodeId: number, want: Want, how: How) => {
    const found = (await ask(nodeId, [want], { ...how, wait: 0, bytes: 8 * how.bytes })).get(want.partition)
    return found && pageOf(found, want.from, how.committed, true)
  }

  const fetchFrom = async (nodeId: number, wants: readonly Want[], how: How) => {
    const found = await ask(nodeId, wants, how)
    const pages = new Map<number, Page>()
    for (const want of wants) {
      const answer = found.get(want.partition)
      if (!answer) continue
      const page = pageOf(answer, want.from, how.committed, false) ?? (await alone(nodeId, want, how))
      if (page) pages.set(want.partition, page)
    }
    if (how.id !== undefined && wants.some(({ partition, from }) => (pages.get(partition)?.next ?? from) > from))
      await verify(nodeId, how.id)
    return pages
  }

  /** Asked of the broker that was read, after it was read: an id that is still the same was the same then (I9). */
  const verify = async (nodeId: number, id: string) => {
    const now = await topicFacts(await cluster.findBroker({ nodeId }), topic)
    if (now?.id !== id) throw absent(`topic ${topic} is not the one that it was`)
  }

  return {
    async fetch(wants, how) {
      asking++
      try {
        const { leaders } = (facts ??= await found(cluster, topic))
        const byLeader = Map.groupBy(wants, ({ partition }) => leaders[partition] ?? -1)
        const pages = await Promise.all([...byLeader].map(([leader, mine]) => fetchFrom(leader, mine, how)))
        return new Map(pages.flatMap((each) => [...each]))
      } catch (error) {
        facts = undefined
        sound = false
        throw error
      } finally {
        asking--
      }
    },
    close: () => client.giveBack(cluster, sound && asking === 0),
  }
}

const found = async (cluster: Cluster, topic: string) => {
  await connectedTo(cluster)
  const facts = await factsOf(cluster, topic)
  if (!facts) throw absent(`there is no topic ${topic}`)
  return facts
}

const absent = (message: string) => Object.assign(new Error(message), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })

/** `undefined`: there is more than came. kafkajs's own batches would read on at the high watermark, past open records. */
const pageOf = (found: Fetched, from: number, committed: boolean, surely: boolean): Page | undefined => {
  const end = Number(committed ? found.lastStableOffset : found.highWatermark)
  const aborted = found.abortedTransactions
  const last = found.messages.at(-1)
  if (!last) {
    if (end <= from) return { raw: [], aborted, next: from }
    return surely ? { raw: [], aborted, next: end } : undefined
  }
  const { firstOffset, lastOffsetDelta } = last.batchContext
  const raw = found.messages.filter(({ offset }) => Number(offset) >= from)
  return { raw, aborted, next: Math.max(from, Number(firstOffset) + lastOffsetDelta + 1) }
}

/** The committed records of a page. */
export const recordsOf = (topic: string, partition: number, { raw, aborted }: Page): Stored[] =>
  visible(raw, aborted).map(({ offset, key, value, headers, timestamp }) => ({
    ...{ topic, partition, position: Number(offset), key, value },
    headers: textOf(headers),
    timestamp: Number(timestamp),
  }))

/** Without markers, and without the records of producers between the start of an aborted transaction and its marker. */
const visible = (raw: readonly Record[], aborted: Page['aborted']): Record[] => {
  const starts = aborted
    .map(({ producerId, firstOffset }) => ({ producerId, from: Number(firstOffset) }))
    .sort((a, b) => a.from - b.from)
  const lost = new Set<string>()
  return raw.filter(({ offset, isControlRecord, batchContext: { producerId, inTransaction } }) => {
    while (starts[0] && starts[0].from <= Number(offset)) lost.add(starts.shift()?.producerId ?? '')
    if (isControlRecord) lost.delete(producerId)
    return !isControlRecord && !(inTransaction && lost.has(producerId))
  })
}
