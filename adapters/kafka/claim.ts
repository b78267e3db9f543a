/** A partition in the hands of a member. */
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { Claim, Settled, Stored } from '../../runtime/log.ts'
import type { Client } from './client.ts'
import { isAbsent, isOutOfRange, translated } from './failures.ts'
import { fetcher, recordsOf } from './fetch.ts'
import { committed } from './requests.ts'
import { seatAt, type Place } from './seat.ts'
import { boundsOf, factsOf, type LimitsOf } from './topics.ts'
import { unless } from './unless.ts'

export interface Holding extends Pick<Place, 'prove' | 'mayReturn'> {
  readonly group: string
  readonly topic: string
  /** Of the topic, as the member found it when it joined. */
  readonly id: string
  readonly partition: number
  readonly lost: AbortSignal
}

const pageBytes = 1_048_576
/** Where nothing comes, nothing tells that a topic is another one: an idle lane asks so often, in milliseconds. */
const lookEvery = 10_000

export const settledOf = (
  client: Client,
  group: string,
  topic: string,
  partitions: readonly number[],
  signal?: AbortSignal,
): Promise<(Settled | undefined)[]> =>
  client.ask(
    `reading what ${group} has settled`,
    async (cluster) => {
      const coordinator = await cluster.findGroupCoordinator({ groupId: group })
      const found = await committed(coordinator, group, topic, partitions)
      return partitions.map((partition) => {
        const at = found.get(partition)
        return at && { position: Number(at.offset), note: at.note }
      })
    },
    signal,
  )

export const claim = (client: Client, limits: LimitsOf, holding: Holding): Claim => {
  const { group, topic, partition, lost } = holding
  const seat = seatAt(client, limits, {
    ...{ id: `${group}.${topic}.${partition}`, lost },
    prove: holding.prove,
    mayReturn: holding.mayReturn,
    settled: async (signal) => (await settledOf(client, group, topic, [partition], signal))[0],
    written: ({ position: offset, note }) => ({ records: [], position: { group, topic, partition, offset, note } }),
  })
  const { take, close } = taker(client, holding)
  lost.addEventListener('abort', close, { once: true })
  return {
    ...seat,
    ...{ topic, partition, lost, take },
    async close() {
      close()
      await seat.close()
    },
  }
}

/** What was fetched and not yet taken: one page at the most. */
interface Held {
  from: number
  records: Stored[]
  next: number
}

const taker = (client: Client, { topic, id, partition, lost }: Holding) => {
  const place = `partition ${partition} of ${topic}`
  let source: ReturnType<typeof fetcher> | undefined
  let held: Held | undefined
  let fetching: { from: number; page: Promise<Held> } | undefined
  let looked = Date.now()

  /** I9: why a fetch failed, where records are missing or another topic has the same name. */
  const look = async (from: number) => {
    looked = Date.now()
    const found = await client.once(`looking at ${topic}`, async (cluster) => {
      const facts = await factsOf(cluster, topic)
      return facts && { id: facts.id, bounds: (await boundsOf(cluster, topic, facts))[partition] }
    })
    if (!found?.bounds) throw new Fatal(`topic ${topic} was deleted: make it again, or remove the groups that read it`)
    if (found.id !== id)
      throw new Fatal(
        `topic ${topic} was deleted and made anew: start again, and each stage that knew the old one says more`,
      )
    const { first, end } = found.bounds
    if (from < first)
      throw new Fatal(
        `${place} begins at ${first}: the records from ${from} on were deleted by its retention before they were read; start again, and the stage says how to go on`,
      )
    if (from > end)
      throw new Fatal(`${place} ends at ${end}, before the position ${from} to go on from: was the cluster set back?`)
  }

  const fetched = async (from: number): Promise<Held> => {
    source ??= fetcher(client, topic)
    try {
      const how = { committed: true, wait: client.settings.poll, bytes: pageBytes, id }
      const page = (await source.fetch([{ partition, from }], how)).get(partition)
      if (Date.now() - looked > lookEvery && (page?.next ?? from) === from) await look(from)
      return { from, records: page ? recordsOf(topic, partition, page) : [], next: page?.next ?? from }
    } catch (error) {
      if (isOutOfRange(error) || isAbsent(error)) await look(from)
      throw translated(error, `reading ${place}`)
    } finally {
      fetching = undefined
    }
  }

  const take: Claim['take'] = async (from, max, signal) => {
    for (;;) {
      if (signal.aborted || lost.aborted) return { records: [], next: from }
      if (client.closed.aborted) throw new Unavailable('this log was closed', { endpoint: 'kafka' })
      if (held?.from !== from || held.next === from) {
        if (fetching?.from !== from) fetching = { from, page: fetched(from) }
        held = await unless([signal, lost], fetching.page)
        if (!held || held.next === from) continue
      }
      const records = cut(held.records, max)
      held.records = held.records.slice(records.length)
      held.from = held.records.length === 0 ? held.next : (records.at(-1)?.position ?? from) + 1
      return { records, next: held.from }
    }
  }
  const close = () => {
    source?.close()
    source = undefined
  }
  return { take, close }
}

const cut = (records: readonly Stored[], max: { records: number; bytes: number }): Stored[] => {
  let bytes = 0
  const past = records.findIndex(({ key, value }, at) => {
    bytes += (key?.length ?? 0) + (value?.length ?? 0)
    return at >= max.records || (at > 0 && bytes > max.bytes)
  })
  return records.slice(0, past < 0 ? records.length : past)
}
