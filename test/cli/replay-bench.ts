/** A stream to be replayed on either engine, and what the tests look at. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { recount } from '../../cli/recount.ts'
import { intoStage, intoStream, type Flags } from '../../cli/replay/run.ts'
import { runEntry, runState } from '../../cli/runs.ts'
import type { World } from '../../cli/world.ts'
import { work } from '../../cli/work.ts'
import { processors, stagesOfTopology } from '../../processors/index.ts'
import type { Stored } from '../../runtime/log.ts'
import type { Topic } from '../../runtime/topic.ts'
import { byName, catalogue, streamTopics } from '../../topics/index.ts'
import type { Orders } from './replay-child.ts'
import { discarded, engineOf, filled, io, opened, queryOf, type Doubles, type Settings } from './replaying.ts'

export const { signal } = io()
export const patience = 50_000

export const all = async (world: World, topic: Topic): Promise<Stored[]> => {
  const records: Stored[] = []
  for await (const record of world.log.read(world.names.topic(topic))) records.push(record)
  return records
}

export const keysIn = async (world: World, topic: Topic) =>
  (await all(world, topic)).map(({ key }) => String(key)).sort()

export const valuesIn = async <T>(world: World, topic: Topic<T>): Promise<T[]> => {
  const values: T[] = []
  for (const { value } of await all(world, topic)) if (value) values.push(await world.codec.decode(topic, value))
  return values
}

/** Every record of a stream and every position of its stages. */
export const pictureOf = async (world: World) => {
  const topics = []
  for (const topic of streamTopics) {
    const records = await all(world, topic)
    topics.push([
      topic.name,
      records
        .map(({ partition, position, key, value, headers }) => [
          partition,
          position,
          String(key),
          value?.toString('base64'),
          headers,
        ])
        .sort(),
    ])
  }
  const positions = []
  for (const { name, from } of processors)
    positions.push(await world.log.settled(world.names.group(name), world.names.topic(from)))
  return JSON.stringify({ topics, positions })
}

export const child = ({ settings, ...orders }: Orders) => {
  const file = join(import.meta.dirname, 'replay-child.ts')
  const running = spawn(process.execPath, [file, JSON.stringify({ settings, ...orders })], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  running.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number | null>((resolve) => running.on('close', resolve))
  onTestFinished(() => void running.kill('SIGKILL'))
  return { kill: () => running.kill('SIGKILL'), ended, said: () => said }
}

export const flagsOf = (settings: Settings, more: Partial<Flags>): Flags => {
  const { engine, prefix, data } = settings as Record<string, string>
  return { engine: engine!, prefix: prefix!, data: data!, set: [], run: [], key: [], json: true, ...more }
}

/** A stream of so many queries, worked on to its end. */
export const begun = async (
  engine: 'embedded' | 'kafka',
  queries: readonly object[],
  doubles: Doubles = {},
  stages?: string[],
) => {
  const settings = engineOf(engine)
  const world = await opened(settings, doubles)
  const streams = new Set(['main'])
  onTestFinished(async () => {
    const topics = [...streams].flatMap((stream) =>
      catalogue.map((topic) => world.as({ ...world.config, stream }).names.topic(topic)),
    )
    if (engine === 'kafka') await world.log.remove({ topics: [...new Set(topics)], groups: [] })
    await world.close()
    discarded(settings)
  })
  const { stream, entry } = await filled(world, queries, 'r', stages)
  const derived = (name: string) => world.as({ ...stream.config, stream: name })
  const said: string[] = []
  const hearing = { ...io(), out: (text: string) => void said.push(text) }
  const last = () => JSON.parse(said.at(-1) ?? '{}') as Record<string, unknown>
  return {
    ...{ settings, world, stream, entry, derived },
    replay: async (as: string, more: Partial<Flags>, topic = 'candidates') => {
      streams.add(as)
      await intoStream(hearing, { stream: 'main', topic: byName(topic) }, as, flagsOf(settings, more))(world)
      return last()
    },
    inject: async (stage: string, more: Partial<Flags>, topic = 'candidates') => {
      await intoStage(hearing, { stream: 'main', topic: byName(topic) }, stage, flagsOf(settings, more))(world)
      return last()
    },
    worked: () => work(stream, { stages: stagesOfTopology('synthesis'), what: 'working', untilEmpty: true }, signal),
    figures: async (of: World = stream) => {
      const entry = (await runEntry(of, 'r'))!
      const { outcomes, rejected, done, complete } = await runState(of, entry)
      return { outcomes, rejected, done, complete, count: entry.count, recount: await recount(of, entry) }
    },
  }
}

export const many = (count: number, word?: string) => Array.from({ length: count }, (_, n) => queryOf(n, word))
