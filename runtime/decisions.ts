import type { Codec } from './codec.ts'
import { Rejected, sentence } from './errors.ts'
import type { Log, Stored } from './log.ts'
import type { Observe } from './observe.ts'
import type { Topic } from './topic.ts'
import { pause } from './wait.ts'

/** Somebody gave a record up by hand: the stage that reads it turns it into a reject, whatever its step still does. */
export interface Decision {
  stream: string
  stage: string
  partition: number
  position: number
  /** Of the topic that the position belongs to: one of the same name that is made anew is another. */
  topic_id: string
  reason: string
  decided_at: number
}

type Place = Pick<Decision, 'stage' | 'partition' | 'position'>

/** What was decided of one stream's records, followed for as long as the process runs. */
export interface Decisions {
  find(place: Place): Decision | undefined
  /** Calls with each decision that comes from now on; what it returns ends that. */
  follow(listener: (decision: Decision) => void): () => void
  stop(): Promise<void>
}

export interface Following {
  readonly log: Log
  readonly codec: Codec
  readonly stream: string
  readonly observe: Observe
  readonly topic: Topic<Decision>
  /** The topic's whole name. */
  readonly name: string
}

/** How long the log is left alone after it failed, in milliseconds. */
const breath = 1000

const keyOf = ({ stage, partition, position }: Place) => `${stage}/${partition}/${position}`

/** Reads a control topic to its end and follows it from there: a decision needs no restart to be heard. */
export const decisions = ({ log, codec, stream, observe, topic, name }: Following): Decisions => {
  const known = new Map<string, Decision>()
  const listeners = new Set<(decision: Decision) => void>()
  const life = new AbortController()
  let next = 0
  /** What cannot be read is passed over: whatever it said, it must not keep the others from being heard. */
  const read = async (value: Buffer, position: number) => {
    try {
      return await codec.decode(topic, value)
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      observe.logger.warn({ topic: name, position, error: sentence(error) }, 'no decision; passed over')
      return undefined
    }
  }
  const heard = async ({ key, value, position }: Stored) => {
    if (value === null || !key?.toString().startsWith(`${stream}/`)) return
    const decision = await read(value, position)
    if (!decision) return
    known.set(keyOf(decision), decision)
    for (const listener of listeners) listener(decision)
  }
  const listening = async () => {
    while (!life.signal.aborted) {
      try {
        for await (const record of log.read(name, { from: [next], until: 'forever', signal: life.signal })) {
          await heard(record)
          next = record.position + 1
        }
      } catch (error) {
        if (!life.signal.aborted)
          observe.logger.warn({ topic: name, error: sentence(error) }, 'not heard; listening again')
      }
      await pause(breath, life.signal)
    }
  }
  const over = listening()
  return {
    find: (place) => known.get(keyOf(place)),
    follow(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async stop() {
      life.abort()
      await over
    },
  }
}
