/** Where a fault strikes: servers, topics, records, workers, and the moments of its blows. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { random } from '../../adapters/memory/random.ts'
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { confluentRegistry } from '../../adapters/registry/index.ts'
import { specOf } from '../../runtime/engine.ts'
import { enter, type Item as SourceItem } from '../../runtime/source.ts'
import { names, type Topic } from '../../runtime/topic.ts'
import { pause } from '../../runtime/wait.ts'
import { avroCodec } from '../../schemas/codec.ts'
import type { Places } from './audit.ts'
import { ids, inputs, partitionOf, stages, topics } from './items.ts'
import { onlyOf, type Servers } from './servers.ts'
import type { Orders } from './worker.ts'
import { crew, type Crew } from './workers.ts'

/** How long, how hard, and how often. */
export interface Measure {
  readonly records: number
  /** The short form strikes fewer blows. */
  readonly short: boolean
  readonly seed: number
  /** How long the one record is stuck, in milliseconds. */
  readonly stuck: number
  /** A folder of this fault's own. */
  readonly folder: string
  say(this: void, text: string): void
}

export interface GroundOptions {
  readonly prefix: string
  readonly partitions?: number
  /** Records in work per partition (default 16). */
  readonly inFlight?: number
  /** Roughly how many seconds the records keep one worker busy (default 40, and 8 in the short form). */
  readonly lasting?: number
  readonly via?: Orders['via']
}

export const session = 5_000

const never = new AbortController().signal

const connected = async (servers: Servers, { prefix, partitions = 6 }: GroundOptions) => {
  const log = await openKafkaLog({ brokers: servers.brokers, patience: 180_000 })
  const named = names(prefix, 's')
  const registry = confluentRegistry({ url: servers.registry.url, create: true })
  const codec = avroCodec(registry, { subject: (topic) => `${prefix}.s.${topic}-value` })
  await codec.prepare(topics)
  await log.apply(topics.map((topic) => specOf(named, topic, partitions)))
  return { log, named, codec }
}

/** Topics, workers that are not started yet, and what a fault needs to strike at the right moment. */
export const ground = async (servers: Servers, measure: Measure, options: GroundOptions) => {
  const { prefix, partitions = 6, inFlight = 16, lasting = measure.short ? 8 : 40 } = options
  const { log, named, codec } = await connected(servers, options)
  const wanted = ids(measure.records)
  const notes = join(measure.folder, 'notes')
  mkdirSync(notes, { recursive: true })
  const pace = (lasting * 1000 * inFlight * partitions) / measure.records
  const places: Places = {
    log,
    node: onlyOf(servers),
    brokers: servers.brokers,
    registry: servers.registry.url,
    prefix,
  }
  const { brokers, registry } = places
  const orders = { brokers, registry, prefix, partitions, session, inFlight, pace, via: options.via ?? {} }
  const workers = crew(notes, orders)
  const blows: number[] = []
  const moments = random(measure.seed)

  const begun = () => new Set(workers.steps().flatMap(({ stage, id }) => (stage === 'copy' ? [id] : []))).size
  /** Until this part of the records has come to the last stage. @throws Error when nothing moves for three minutes */
  const reached = async (part: number) => {
    let [most, since] = [-1, Date.now()]
    for (;;) {
      const now = begun()
      if (now >= part * measure.records) return
      if (now > most) [most, since] = [now, Date.now()]
      if (Date.now() - since > 180_000) throw new Error(`nothing has moved for 180 s at ${most} of ${measure.records}`)
      const [gone] = workers.deserters
      if (gone && workers.alive.size === 0) throw new Error(`the last worker ended: ${gone.sentence}`)
      await pause(100)
    }
  }

  return {
    ...{ servers, measure, log, named, codec, places, wanted, workers, partitions },
    reached,
    /** Enters these ids once, each into its partition. */
    async fill(entered: readonly string[] = wanted, source = 'fill', text: (id: string) => string = () => '') {
      const items = function* (from: number): Generator<SourceItem> {
        for (const [at, id] of entered.entries()) {
          const message = inputs.message({ id, text: text(id) })
          if (at >= from) yield { message, position: at + 1, partition: partitionOf(id, partitions) }
        }
      }
      await enter(
        { log, codec, names: named, partitions, name: source, origin: source, now: Date.now, signal: never },
        items,
      )
    },
    /** Strikes so often, at moments spread over the work; in the short form once. */
    async blows(this: void, times: number, strike: (number: number) => Promise<void>) {
      const count = measure.short ? 1 : times
      for (let number = 0; number < count; number++) {
        await reached((number + 0.3 + 0.5 * moments.next()) / (count + 1))
        blows.push(Date.now())
        await strike(number)
      }
    },
    /** Makes a topic that was deleted anew. */
    remade: (topic: Topic) => log.apply([specOf(named, topic, partitions)]),
    /** Counts from now on, too, how long it takes to go on: the servers are back. */
    struck: () => void blows.push(Date.now()),
    /** Until everything that stands in a stage's input is settled. */
    async settled() {
      for (const { stage, from } of stages) {
        for (;;) {
          const info = await log.describe(named.topic(from))
          const found = await log.settled(named.group(stage), named.topic(from))
          if (info?.partitions.every(({ first, end }, p) => first === end || end <= (found[p]?.position ?? 0))) break
          const [gone] = workers.deserters
          if (gone && workers.alive.size === 0) throw new Error(`the last worker ended: ${gone.sentence}`)
          await pause(200)
        }
      }
    },
    /** How long after each blow the slowest partition went on, in seconds. */
    standstills: () => standstills(workers.steps(), blows, partitions),
    async leave() {
      await workers.endAll()
      const groups = stages.map(({ stage }) => named.group(stage))
      await log.remove({ topics: topics.map((topic) => named.topic(topic)), groups }).catch(() => {})
      await log.close()
    },
  }
}
export type Ground = Awaited<ReturnType<typeof ground>>

const standstills = (steps: ReturnType<Crew['steps']>, blows: readonly number[], partitions: number): number[] =>
  blows.map((blow) => {
    const after = steps.filter(({ at }) => at >= blow)
    const first = new Map<string, number>()
    for (const { at, stage, id } of after) {
      const lane = `${stage}/${partitionOf(id, partitions)}`
      first.set(lane, Math.min(first.get(lane) ?? Infinity, at))
    }
    return Math.max(0, ...[...first.values()].map((at) => (at - blow) / 1000))
  })
