import type { Codec } from './codec.ts'
import { Rejected, sentence } from './errors.ts'
import { following } from './following.ts'
import type { Log, Outgoing, Stored } from './log.ts'
import type { Observe } from './observe.ts'
import { table } from './table.ts'
import type { Topic } from './topic.ts'

/**
 * What only a person can decide. `give up`: the stage that reads the record at `position` turns it into a reject,
 * whatever its step still does. `reset`: the stage stands still with `settled` as its position, and goes on at `to`.
 */
export interface Decision {
  /** Unknown ones are for workers of a newer version. */
  kind: string
  stream: string
  stage: string
  partition: number
  /** Of the record; -1 for a reset. */
  position: number
  /** Of the topic that the position belongs to: one of the same name that is made anew is another. */
  topic_id: string
  /** The settled position that was found; null where there was none. */
  settled: number | null
  to: number | null
  reason: string
  decided_at: number
}

type Place = Pick<Decision, 'stage' | 'partition' | 'position'>

export interface Kept {
  readonly decision: Decision
  readonly place: Pick<Outgoing, 'topic' | 'key'>
}

/** What was decided of one stream's records, followed for as long as the process runs. */
export interface Decisions {
  find(place: Place): Decision | undefined
  /** Calls with each decision that comes from now on; what it returns ends that. */
  follow(listener: (decision: Decision) => void): () => void
  /** One that fits, read to where the topic ends now, and which record it is: one without a value takes it back. */
  newest(fits: (decision: Decision) => boolean, signal: AbortSignal): Promise<Kept | undefined>
  stop(): Promise<void>
}

export interface Deciding {
  readonly log: Log
  readonly codec: Codec
  readonly stream: string
  readonly observe: Observe
  readonly topic: Topic<Decision>
  /** The topic's whole name. */
  readonly name: string
}

const keyOf = ({ stage, partition, position }: Place) => `${stage}/${partition}/${position}`

/** Reads a control topic to its end and follows it from there: a decision needs no restart to be heard. */
export const decisions = ({ log, codec, stream, observe, topic, name }: Deciding): Decisions => {
  const known = new Map<string, Decision>()
  const listeners = new Set<(decision: Decision) => void>()
  /** What cannot be read is passed over: whatever it said, it must not keep the others from being heard. */
  const read = async (key: string, value: Buffer) => {
    try {
      return await codec.decode(topic, value)
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      observe.logger.warn({ topic: name, key, error: sentence(error) }, 'no decision; passed over')
      return undefined
    }
  }
  const isOurs = (key: string) => key.startsWith(`${stream}/`)
  const heard = async ({ key, value }: Stored) => {
    if (value === null || key === null || !isOurs(key.toString())) return
    const decision = await read(key.toString(), value)
    if (decision?.kind !== 'give up') return
    known.set(keyOf(decision), decision)
    for (const listener of listeners) listener(decision)
  }
  const followed = following({ log, topic: name, observe, heard })
  return {
    find: (place) => known.get(keyOf(place)),
    follow(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async newest(fits, signal) {
      const kept = table(log, name)
      await kept.refresh({ signal })
      for (const [key, value] of kept.entries()) {
        const decision = isOurs(key) ? await read(key, value) : undefined
        if (decision && fits(decision)) return { decision, place: { topic: name, key: Buffer.from(key) } }
      }
      return undefined
    },
    stop: () => followed.stop(),
  }
}
