/** Streams and runs as the control topics have them, and what the totals say of a run. */
import { stagesOfTopology, type Topology } from '../processors/index.ts'
import { specOf } from '../runtime/engine.ts'
import { Fatal } from '../runtime/errors.ts'
import { enter, type Item, type SourceOptions } from '../runtime/source.ts'
import type { Message } from '../runtime/topic.ts'
import { merged, type Totals } from '../runtime/totals.ts'
import type { RunEntry, StreamEntry } from '../schemas/control.ts'
import { catalogue, passages, runs, streams, totals } from '../topics/index.ts'
import { asStream, manifest } from './settings.ts'
import type { World } from './world.ts'

export const sourceOf = (world: World, name: string, origin: string, signal: AbortSignal): SourceOptions => {
  const { log, codec, names, now, config } = world
  return { log, codec, names, partitions: config.partitions, name, origin, now, signal }
}

const once = (world: World, name: string, message: Message, signal: AbortSignal) =>
  enter(sourceOf(world, name, 'gainstream', signal), (from) => (from === 0 ? [{ message, position: 1 }] : []))

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
  await codec.prepare(catalogue)
  const control = catalogue.filter((topic) => topic.control)
  await log.apply(control.map((topic) => specOf(names, topic, 1)))
  const found = await streamEntry(world)
  const partitions = found?.partitions ?? (await partitionsOf(world)) ?? config.partitions
  const settings = { ...(found ? asStream(config, found) : config), partitions }
  await log.apply(catalogue.map((topic) => specOf(names, topic, partitions)))
  return world.as(settings)
}

/**
 * The world as the stream has it: its topics and manifest are made where they are missing, and its settings hold.
 * @throws Fatal when a setting was chosen that differs from the stream's.
 */
export const openStream = async (world: World, signal: AbortSignal, derivedFrom = ''): Promise<World> => {
  const opened = await openTopics(world)
  if (await streamEntry(opened)) return opened
  const { config, names, now } = opened
  const { partitions } = config
  const entry = { stream: names.stream, ...manifest(config), created_at: now(), partitions, derived_from: derivedFrom }
  await once(opened, 'manifest', streams.message(entry), signal)
  return opened
}

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
  const advice =
    others.length === 0 ? 'gainstream index <corpus> makes one' : `choose ${others.join(' or ')} with --stream`
  throw new Fatal(`there is no stream ${names.stream} in ${config.data}: ${advice}`)
}

export const runEntry = async ({ tables, codec, names }: World, run: string): Promise<RunEntry | undefined> => {
  await tables.runs.refresh()
  const bytes = tables.runs.get(`${names.stream}/${run}`)
  return bytes && codec.decode(runs, bytes)
}

/** Every run of every stream under the prefix, newest first. */
export const allRuns = async ({ tables, codec }: World): Promise<RunEntry[]> => {
  await tables.runs.refresh()
  const entries: RunEntry[] = []
  for (const [, bytes] of tables.runs.entries()) entries.push(await codec.decode(runs, bytes))
  return entries.sort((a, b) => b.opened_at - a.opened_at)
}

export interface Opening {
  readonly run: string
  readonly topology: Topology
  /** What its queries come from: a content hash and, for people, where it was found. Empty: from anywhere. */
  readonly source: string
}

/** `<content hash> <where it was found>`: the same content may be found elsewhere. */
const sourceName = (source: string) => source.split(' ')[0]

const runName = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,119}$/

/** Announces a run, or finds it again. @throws Fatal when a run of this name does something else. */
export const openRun = async (
  world: World,
  { run, topology, source }: Opening,
  signal: AbortSignal,
): Promise<RunEntry> => {
  if (!runName.test(run)) throw new Fatal(`run ${run}: a name holds letters, digits, dots, dashes and underscores only`)
  const found = await runEntry(world, run)
  if (found && found.topology !== topology) {
    throw new Fatal(`run ${run} of stream ${found.stream} is for ${found.topology}: choose another name with --run`)
  }
  if (found && source !== '' && sourceName(found.source) !== sourceName(source)) {
    const [hash = '', ...where] = found.source.split(' ')
    const what = `${where.join(' ')} (content ${hash.slice(0, 8)}…)`
    throw new Fatal(`run ${run} was made from ${what}: give other content another name with --run`)
  }
  if (found) return found
  const { hash } = manifest(world.config)
  const { now, names } = world
  const entry: RunEntry = {
    ...{ stream: names.stream, run, state: 'open', count: null, opened_at: now(), closed_at: null, topology },
    ...{ source, settings: hash },
  }
  await once(world, `run/${run}`, runs.message(entry), signal)
  return entry
}

/**
 * Enters what a source holds into a run and closes the run with its last record, in one transaction: an importer that
 * dies, or a source that is given twice, adds nothing twice.
 */
export const fill = async (
  world: World,
  entry: RunEntry,
  items: (from: number) => AsyncIterable<Item> | Iterable<Item>,
  signal: AbortSignal,
  onProgress: (entered: number) => void = () => {},
): Promise<RunEntry> => {
  const name = `run/${entry.run}/${sourceName(entry.source)}`
  const closed = (count: number): RunEntry => ({ ...entry, state: 'closed', count, closed_at: world.now() })
  const options = { ...sourceOf(world, name, entry.source, signal), onProgress }
  const { position } = await enter(options, items, (count) => [runs.message(closed(count))])
  return (await runEntry(world, entry.run)) ?? closed(position)
}

export interface RunState {
  /** Counts, sums and figures by stage. */
  readonly stages: Readonly<Record<string, ReturnType<typeof merged>>>
  /** Outcomes of the last stage. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly rejected: number
  /** Outputs and unresolved rejects. */
  readonly done: number
  readonly complete: boolean
}

/** Outcomes only: reasons (`filtered: …`) are counted under them. */
const plain = (counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(counts).filter(([key]) => !key.includes(': ') && key !== 'rejected' && key !== 'retried'),
  )
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)

/** Outputs of a stage, whatever their outcome; rejects are not among them. */
export const settledBy = (counts: Readonly<Record<string, number>>): number => sum(plain(counts))

/** A run is complete when it is closed and each of its queries has an outcome: an output or an unresolved reject. */
export const runState = async (
  { tables, codec, names }: World,
  { run, topology, count }: Pick<RunEntry, 'run' | 'topology' | 'count'>,
): Promise<RunState> => {
  await tables.totals.refresh()
  const parts: Totals[] = []
  for (const [key, bytes] of tables.totals.entries()) {
    if (key.startsWith(`${names.stream}/${run}/`)) parts.push(await codec.decode(totals, bytes))
  }
  const stages = Object.fromEntries(
    [...Map.groupBy(parts, ({ stage }) => stage)].map(([stage, own]) => [stage, merged(own)]),
  )
  // Only the stages of the run's own topology: others may read the same topics for other runs.
  const own = stagesOfTopology(topology as Topology)
  const outcomes = plain(stages[own.at(-1)!]?.counts ?? {})
  const rejected = own.reduce((all, name) => all + (stages[name]?.counts.rejected ?? 0), 0)
  const done = sum(outcomes) + rejected
  return { stages, outcomes, rejected, done, complete: count !== null && done >= count }
}
