/** A derived stream at work: its first stages read a stretch of the source's topic. */
import { Fatal } from '../../runtime/errors.ts'
import type { Bound } from '../../runtime/engine.ts'
import type { Input } from '../../runtime/input.ts'
import { names } from '../../runtime/topic.ts'
import type { Derivation } from '../../schemas/control.ts'
import { byName } from '../../topics/index.ts'
import { concernsOf } from '../runs.ts'
import { manifest } from '../settings.ts'
import { streamEntry } from '../streams.ts'
import type { World } from '../world.ts'
import { downstream, readersOf } from './downstream.ts'

export const sourceTopic = ({ config }: World, { stream, topic }: Pick<Derivation, 'stream' | 'topic'>): string =>
  names(config.prefix, stream).topic(byName(topic))

/** The whole name of the topic that a stage of this stream reads. */
export const inputName = async (world: World, topic: { name: string; control: boolean }): Promise<string> => {
  const derivation = (await streamEntry(world))?.derivation
  return derivation?.topic === topic.name ? sourceTopic(world, derivation) : world.names.topic(topic)
}

/** How a replay's stages differ from those of another stream. */
export interface Derived {
  /** Those of the wanted stages that a replay has. @throws Fatal when it has none of them */
  stages(wanted: readonly string[]): string[]
  /** The stage with what it is to read. */
  bound(stage: Bound): Bound
  readonly concerns: (stage: string, run: string) => Promise<boolean>
}

/**
 * What is particular to the stream of this world if it is a replay.
 * @throws Fatal when the topic that it reads is gone or was made anew
 */
export const derivedOf = async (world: World): Promise<Derived | undefined> => {
  const { names: named, log, config } = world
  const derivation = (await streamEntry(world))?.derivation
  if (!derivation) return undefined
  const { stream, topic, topic_id, from, until } = derivation
  const origin = `${stream}/${topic}`
  const name = sourceTopic(world, derivation)
  const info = await log.describe(name)
  if (info?.id !== topic_id)
    throw new Fatal(`${named.stream} is a replay of ${origin}, and that topic is ${info ? 'another one now' : 'gone'}`)
  const input: Input = { topic: name, from, until, origin, headers: { settings: manifest(config).hash } }
  const [own, first] = [downstream(byName(topic)), readersOf(byName(topic))]
  const runs = new Set(derivation.runs)
  const concerns = concernsOf(world)
  return {
    stages(wanted) {
      const left = own.filter((each) => wanted.includes(each))
      if (left.length > 0) return left
      throw new Fatal(`${named.stream} is a replay of ${origin} and runs ${own.join(', ')} only`)
    },
    bound: (stage) => (first.includes(stage.processor.name) ? { ...stage, input } : stage),
    concerns: async (stage, run) => runs.has(run) && concerns(stage, run),
  }
}
