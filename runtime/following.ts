import { sentence } from './errors.ts'
import type { Log, Stored } from './log.ts'
import type { Observe } from './observe.ts'
import { pause } from './wait.ts'

export interface Following {
  readonly log: Log
  /** Whole name of a control topic, which has one partition. */
  readonly topic: string
  readonly observe: Pick<Observe, 'logger'>
  /** Called with each record, one after the other, in their order. What it throws is said, and the record read again. */
  readonly heard: (record: Stored) => Promise<void> | void
}

export interface Followed {
  /** Resolves once all that stood in the topic when it was first reached has been heard; or when it is stopped. */
  readonly ready: Promise<void>
  stop(): Promise<void>
}

/** How long the log is left alone after it failed, in milliseconds. */
const breath = 1000

/** Reads a control topic to its end and follows it from there, without a group: what is written needs no restart. */
export const following = ({ log, topic, observe, heard }: Following): Followed => {
  const life = new AbortController()
  const { signal } = life
  const whole = Promise.withResolvers<void>()
  let next = 0
  const readOn = async (until: readonly number[] | 'forever') => {
    for await (const record of log.read(topic, { from: [next], until, signal })) {
      await heard(record)
      next = record.position + 1
    }
  }
  /** Gaps at the end hold no record: past `end` is what was not there yet. */
  const readWhole = async () => {
    const end = (await log.describe(topic))?.partitions[0]?.end ?? 0
    await readOn([end])
    next = Math.max(next, end)
    if (!signal.aborted) whole.resolve()
  }
  const listening = async () => {
    let isWhole = false
    while (!signal.aborted) {
      try {
        if (!isWhole) await readWhole()
        isWhole = true
        await readOn('forever')
      } catch (error) {
        if (!signal.aborted) observe.logger.warn({ topic, error: sentence(error) }, 'not heard; listening again')
      }
      await pause(breath, signal)
    }
    whole.resolve()
  }
  const over = listening()
  return {
    ready: whole.promise,
    async stop() {
      life.abort()
      await over
    },
  }
}
