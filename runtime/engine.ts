import { decisions, type Decision } from './decisions.ts'
import type { Endpoint } from './endpoint.ts'
import { Fatal, Unavailable } from './errors.ts'
import type { Input } from './input.ts'
import type { Books } from './ledger.ts'
import type { Log, TopicSpec } from './log.ts'
import { watchEndpoint } from './measure.ts'
import type { Observe } from './observe.ts'
import type { Policy } from './policy.ts'
import type { Processor } from './processor.ts'
import { stage, type Stage } from './stage.ts'
import type { Names, Topic } from './topic.ts'
import { pause } from './wait.ts'

/** A processor with what its step is handed, and how it is treated. Made by `bind`, which checks that they fit. */
export interface Bound {
  readonly processor: Processor
  readonly ports: never
  readonly endpoints: readonly Endpoint[]
  readonly canary: ((signal: AbortSignal) => Promise<void>) | undefined
  readonly policy: Policy
  /** What it reads, where that is not the topic of the stream's own: a replay. */
  readonly input?: Input | undefined
}

export interface Binding {
  readonly endpoints?: readonly Endpoint[]
  readonly canary?: (signal: AbortSignal) => Promise<void>
  readonly policy?: Partial<Policy>
}

export const bind = <In, Ports>(processor: Processor<In, Ports>, ports: Ports, binding: Binding = {}): Bound => ({
  processor: processor as unknown as Processor,
  ports: ports as never,
  endpoints: binding.endpoints ?? [],
  canary: binding.canary,
  policy: { ...processor.policy, ...binding.policy },
})

export interface EngineOptions extends Pick<Books, 'codec' | 'names' | 'now'> {
  readonly log: Log
  readonly stages: readonly Bound[]
  /** Partitions of every topic of the stream that is made. */
  readonly partitions: number
  readonly totals: Books['topic']
  readonly table: Books['table']
  readonly rejects: Topic<Buffer>
  /** Where it stands which records were given up by hand; nobody can do so without it. */
  readonly decisions?: Topic<Decision>
  readonly observe: Observe
  readonly random?: () => number
  /** See `Handling`. */
  readonly concerns?: ((stage: string, run: string) => Promise<boolean>) | undefined
}

/** A topic as the log is asked to keep it. */
export const specOf = (names: Names, topic: Topic, partitions: number): TopicSpec => ({
  name: names.topic(topic),
  partitions: topic.control ? 1 : partitions,
  retention: topic.retention,
  compact: topic.compact,
  maxBytes: topic.maxBytes,
})

/** Every topic that the stages read or write, control topics and rejects included, each once. */
export const topicsOf = (stages: readonly Bound[], ...others: Topic[]): Topic[] => [
  ...new Set([...stages.flatMap(({ processor }) => [processor.from as Topic, ...processor.to]), ...others]),
]

/** Everything before `until` is settled by some member of the group. */
const caughtUp = async (log: Log, { group, topic }: Stage, until: readonly number[]) => {
  const settled = await log.settled(group, topic)
  return until.every((end, partition) => end <= (settled[partition]?.position ?? 0))
}

const ends = async (log: Log, topic: string) => {
  const info = await log.describe(topic)
  if (!info) throw new Fatal(`topic ${topic} is gone`)
  return info.partitions.map(({ first, end }) => (end === first ? 0 : end))
}

/** A log that is away is no end: the lanes wait for it, too. Undefined once the signal aborts. */
const patiently = async <T>(look: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
  while (!signal.aborted) {
    try {
      return await look()
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      await pause(1000, signal)
    }
  }
  return undefined
}

export interface Engine {
  readonly stages: readonly Stage[]
  /** What the stages call, each once. */
  readonly endpoints: readonly Endpoint[]
  /** I8: resolves when each stage has settled all that was in its input once the stages before it had ended. */
  untilEmpty(signal: AbortSignal): Promise<void>
  /** Rejects with the sentence of the first lane that cannot go on. Never resolves. */
  readonly failed: Promise<never>
  /** I7: drains every stage. */
  stop(): Promise<void>
}

const listen = ({ log, codec, names, observe }: EngineOptions, topic: Topic<Decision>) =>
  decisions({ log, codec, observe, topic, stream: names.stream, name: names.topic(topic) })

/** Makes the topics, and runs these stages as one member of each of their groups. */
export const engine = async (options: EngineOptions): Promise<Engine> => {
  const { log, codec, names, stages, partitions, totals, table, rejects, observe, now, random, concerns } = options
  const topics = topicsOf(stages, totals, rejects, ...(options.decisions ? [options.decisions as Topic] : []))
  await codec.prepare(topics)
  await log.apply(topics.map((topic) => specOf(names, topic, partitions)))
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => {}) // whoever awaits it hears of it
  const books = { codec, names, topic: totals, table, now }
  const heard = options.decisions && listen(options, options.decisions)
  const shared = { log, books, codec, names, rejects, observe, now, random, concerns, decisions: heard, onFatal: fail }
  const running: Stage[] = []
  try {
    for (const bound of stages) running.push(await stage({ ...bound, ...shared }))
  } catch (error) {
    // Nobody will call stop, and whoever hears of this closes what the steps call: records must not fail for that.
    await Promise.all(running.map((each) => each.stop()))
    await heard?.stop()
    throw error
  }
  const endpoints = [...new Set(stages.flatMap((bound) => bound.endpoints))]
  const watched = endpoints.map((each) => watchEndpoint(observe.meter, each))
  const empty = async (signal: AbortSignal) => {
    for (const each of running) {
      // Stages stand in the order of the topology: those before this one have ended, so its input grows no more.
      const until = each.until ?? (await patiently(() => ends(log, each.topic), signal))
      while (!signal.aborted && !(await patiently(() => caughtUp(log, each, until ?? []), signal))) {
        await pause(50, signal)
      }
    }
  }
  return {
    stages: running,
    endpoints,
    untilEmpty: (signal) => Promise.race([empty(signal), failed]),
    failed,
    stop: async () => {
      await Promise.all(running.map((each) => each.stop()))
      await heard?.stop()
      watched.forEach((unwatch) => unwatch())
    },
  }
}
