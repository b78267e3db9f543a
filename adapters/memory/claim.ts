import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { Claim, Join, Taken } from '../../runtime/log.ts'
import type { KeptTopic, World } from './world.ts'
import type { Partition } from './partition.ts'
import type { Process } from './process.ts'
import { seatAt } from './seat.ts'

export interface HeldClaim {
  readonly claim: Claim
  /** The partition was taken away, and the holder is told so. */
  abort(): void
}

export interface Holding {
  entitled: () => 'yes' | 'no' | 'unsure'
  /** Perhaps a rebalance breaks in. */
  storm: () => void
}

/** What a member holds of one partition, with the takes of a Kafka consumer: late, short, and past markers. */
export const claimOf = (
  world: World,
  process: Process,
  { group, topic }: Join,
  partition: number,
  holding: Holding,
): HeldClaim => {
  const { random, strikes } = world.mischief
  const lost = new AbortController()
  const kept = world.topics.get(topic)
  const seat = seatAt(
    world,
    process,
    { group, topic, partition },
    { entitled: holding.entitled, midway: holding.storm },
  )

  const take: Claim['take'] = async (from, max, signal) => {
    await process.wait(strikes('slowPolls') ? random.between(1, 8) : 0)
    if (strikes('outages')) throw new Unavailable('the memory log is away for a moment', { endpoint: 'memory' })
    const stop = AbortSignal.any([signal, lost.signal])
    for (;;) {
      if (stop.aborted) return { records: [], next: from }
      const where = present(world, kept, topic, partition)
      checkBounds(where, from, `${topic}/${partition}`)
      const taken = where.visible(from, strikes('shortTakes') ? { ...max, records: random.between(1, 3) } : max)
      if (taken.records.length > 0 || taken.next > from) return answer(taken)
      await change(where, stop)
      await process.wait(0)
    }
  }
  // A rebalance that begins now meets the records in the middle of their step.
  const answer = (taken: Taken) => {
    process.later(random.between(0, 15), holding.storm)
    return taken
  }

  return { claim: { topic, partition, lost: lost.signal, take, ...seat }, abort: () => lost.abort() }
}

const present = (world: World, kept: KeptTopic | undefined, topic: string, partition: number): Partition => {
  const where = kept?.partitions[partition]
  if (!where || world.topics.get(topic)?.id !== kept.id) throw new Fatal(`topic ${topic} was deleted or made anew`)
  return where
}

const checkBounds = (where: Partition, from: number, name: string) => {
  const { first, end } = where.bounds()
  if (from >= first && from <= end) return
  throw new Fatal(`position ${from} of ${name} is not there any more: it holds ${first} to ${end}`)
}

/** Until readers may see more of this partition, or the signal aborts. */
export const change = (where: Partition, stop: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      forget()
      stop.removeEventListener('abort', done)
      resolve()
    }
    const forget = where.onChange(done)
    if (stop.aborted) done()
    else stop.addEventListener('abort', done, { once: true })
  })
