/** Streams and runs as the control topics have them, and what the totals say of a run. */
import { stagesFor, stagesOfTopology, type Topology } from '../processors/index.ts'
import { specOf } from '../runtime/engine.ts'
import { Fatal, Rejected } from '../runtime/errors.ts'
import { enter, Overtaken, type Item, type SourceOptions } from '../runtime/source.ts'
import { pause } from '../runtime/wait.ts'
import type { Message } from '../runtime/topic.ts'
import { merged, type Totals } from '../runtime/totals.ts'
import type { RunEntry, StreamEntry } from '../schemas/control.ts'
import { catalogue, passages, runs, streams, totals } from '../topics/index.ts'
import { asStream, manifest } from './settings.ts'
import type { World } from './world.ts'

export const sourceOf = (world: World, name: string, origin: string, signal: AbortSignal): SourceOptions => {
  const { log, codec, names, now, config } = world
  const headers = { settings: manifest(config).hash }
  return { log, codec, names, partitions: config.partitions, name, origin, now, signal, headers }
}

/** Writes a message once, whoever else writes it at the same time, and waits until it (or the other's) can be read. */
const announced = async <T>(
  world: World,
  name: string,
  message: () => Message,
  find: () => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<T> => {
  for (;;) {
    const found = await find()
    if (found) return found
    const items = (from: number) => (from === 0 ? [{ message: message(), position: 1 }] : [])
    await enter(sourceOf(world, name, 'gainstream', signal), items).catch((error: unknown) => {
      if (!(error instanceof Overtaken)) throw error
    })
    await pause(10, signal)
    signal.throwIfAborted()
  }
}

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
  const { config, names, now } = opened
  const { partitions } = config
  const manifested = () =>
    streams.message({
      ...{ stream: names.stream, ...manifest(config), created_at: now(), partitions, derived_from: derivedFrom },
    })
  const entry = await announced(opened, 'manifest', manifested, () => streamEntry(opened), signal)
  return opened.as({ ...asStream(config, entry), partitions }) // another process may have been first
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
  const entry = (): RunEntry => ({
    ...{ stream: world.names.stream, run, state: 'open', count: null, opened_at: world.now(), closed_at: null },
    ...{ topology, source, settings: manifest(world.config).hash },
  })
  const find = () => runEntry(world, run)
  const found = await announced(world, `run/${run}`, () => runs.message(entry()), find, signal)
  if (found.topology !== topology) {
    throw new Fatal(`run ${run} of stream ${found.stream} is for ${found.topology}: choose another name with --run`)
  }
  if (source !== '' && sourceName(found.source) !== sourceName(source)) {
    const [hash = '', ...where] = found.source.split(' ')
    const what = `${where.join(' ')} (content ${hash.slice(0, 8)}…)`
    throw new Fatal(`run ${run} was made from ${what}: give other content another name with --run`)
  }
  return found
}

/** Closes a run with the number of its queries, for whoever fills it from outside. */
export const closeRun = async (
  world: World,
  entry: RunEntry,
  count: number,
  signal: AbortSignal,
): Promise<RunEntry> => {
  const closed: RunEntry = { ...entry, state: 'closed', count, closed_at: world.now() }
  const options = sourceOf(world, `close/${entry.run}/${count}`, 'gainstream', signal)
  await enter(options, (from) => (from === 0 ? [{ message: runs.message(closed), position: 1 }] : []))
  return closed
}

const stagesOfRun = async (world: World, run: string) => {
  const entry = await runEntry(world, run)
  return entry && stagesFor(entry.topology as Topology)
}

/**
 * Which stages work on which runs: a stream may hold runs of several topologies, and queries to be graded must never
 * end in training data.
 */
export const concernsOf = (world: World) => {
  const known = new Map<string, readonly string[]>()
  return async (stage: string, run: string): Promise<boolean> => {
    const stages = known.get(run) ?? (await stagesOfRun(world, run))
    if (!stages) {
      throw new Rejected(`run ${run} was never announced in stream ${world.names.stream}: gainstream runs open ${run}`)
    }
    known.set(run, stages)
    return stages.includes(stage)
  }
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

/** How queries ended, for people: `kept 5, filtered 3, rejected 1`. */
export const outcomesOf = (outcomes: Readonly<Record<string, number>>, rejected: number): string =>
  [...Object.entries(outcomes), ...(rejected > 0 ? [['rejected', rejected] as const] : [])]
    .map(([name, n]) => `${name} ${n}`)
    .join(', ')
