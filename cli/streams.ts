/** Streams as their control topic has them, and how this process enters one. */
import { specOf } from '../runtime/engine.ts'
import { Fatal } from '../runtime/errors.ts'
import { enter, Overtaken, type SourceOptions } from '../runtime/source.ts'
import type { Message } from '../runtime/topic.ts'
import { pause } from '../runtime/wait.ts'
import type { StreamEntry } from '../schemas/control.ts'
import { catalogue, controlTopics, passages, streams } from '../topics/index.ts'
import { asStream, manifest } from './settings.ts'
import type { World } from './world.ts'

export const sourceOf = (world: World, name: string, origin: string, signal: AbortSignal): SourceOptions => {
  const { log, codec, names, now, config, observe } = world
  const headers = { settings: manifest(config).hash }
  return { log, codec, names, partitions: config.partitions, name, origin, now, signal, headers, observe }
}

/**
 * Writes messages once, in one transaction, whoever else writes them at the same time, and waits until they (or the
 * other's) can be read.
 * @throws Fatal when it was written and is not there: its topic was deleted since
 */
export const announced = async <T>(
  world: World,
  name: string,
  messages: () => readonly [Message, ...Message[]],
  find: () => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<T> => {
  for (let written = false; ;) {
    const found = await find()
    if (found) return found
    if (written) throw vanished(world, name, messages()[0])
    const items = (from: number) => (from === 0 ? messages().map((message) => ({ message, position: 1 })) : [])
    const whole = { batch: { records: Infinity, bytes: Infinity } }
    written = await enter({ ...sourceOf(world, name, 'gainstream', signal), ...whole }, items).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Overtaken) return false
        throw error
      },
    )
    await pause(10, signal)
    signal.throwIfAborted()
  }
}

const vanished = ({ names }: World, name: string, { topic }: Message) =>
  new Fatal(
    `${name} of stream ${names.stream} was written to ${names.topic(topic)} and is not there any more: that topic was ` +
      'deleted, or made anew; choose another stream with --stream',
  )

/** The stream's manifest, if it was ever made. */
export const streamEntry = async ({ tables, codec, names }: World): Promise<StreamEntry | undefined> => {
  await tables.streams.refresh()
  const bytes = tables.streams.get(names.stream)
  return bytes && codec.decode(streams, bytes)
}

/** How many partitions the stream's topics have, where there are any. */
const partitionsOf = async ({ log, names }: World): Promise<number | undefined> =>
  (await log.describe(names.topic(passages)))?.partitions.length

/**
 * The stream's topics, made where they are missing. Its settings are not settled by it: passages may enter, and what
 * is done with them may still be chosen.
 * @throws Fatal when a setting was chosen that differs from the stream's.
 */
export const openTopics = async (world: World): Promise<World> => {
  const { log, codec, names, config } = world
  await log.apply(controlTopics.map((topic) => specOf(names, topic, 1)))
  await codec.prepare(controlTopics) // waits for a registry that is away; reading an entry would not
  const found = await streamEntry(world)
  const partitions = found?.partitions ?? (await partitionsOf(world)) ?? config.partitions
  const settings = { ...(found ? asStream(config, found) : config), partitions }
  await log.apply(catalogue.map((topic) => specOf(names, topic, partitions)))
  await codec.prepare(catalogue)
  return world.as(settings)
}

/**
 * The world as the stream has it: its topics and manifest are made where they are missing, and its settings hold.
 * @throws Fatal when a setting was chosen that differs from the stream's.
 */
export const openStream = async (world: World, signal: AbortSignal, derivedFrom = ''): Promise<World> => {
  const opened = await openTopics(world)
  const { config, names, now } = opened
  const { partitions } = config
  const manifested = (): [Message] => [
    streams.message({
      ...{ stream: names.stream, ...manifest(config), created_at: now(), partitions },
      ...{ derived_from: derivedFrom, derivation: null },
    }),
  ]
  const entry = await announced(opened, 'manifest', manifested, () => streamEntry(opened), signal)
  return opened.as({ ...asStream(config, entry), partitions }) // another process may have been first
}

/** Where the log is, for people. */
const placeOf = ({ engine, data, kafka }: World['config']) =>
  engine === 'embedded' ? data : `Kafka at ${kafka.brokers.join(', ')}`

/**
 * The world of a stream that is there; nothing is made, and whatever its settings are is fine: for who only looks.
 * @throws Fatal that names the streams there are.
 */
export const existingStream = async (world: World): Promise<World> => {
  const { tables, names, config } = world
  const partitions = await partitionsOf(world)
  if (partitions !== undefined) return world.as({ ...config, partitions })
  await tables.streams.refresh()
  const others = [...tables.streams.entries()].map(([name]) => name).sort()
  const made = config.engine === 'embedded' ? 'gainstream index <corpus>' : 'gainstream topics apply --execute'
  const advice = others.length === 0 ? `${made} makes one` : `choose ${others.join(' or ')} with --stream`
  throw new Fatal(`there is no stream ${names.stream} in ${placeOf(config)}: ${advice}`)
}
