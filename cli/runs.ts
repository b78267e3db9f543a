/** Runs as the control topic has them, and what the totals say of a run. */
import { stagesFor, stagesOfTopology, type Topology } from '../processors/index.ts'
import { Fatal, Rejected, sentence } from '../runtime/errors.ts'
import { enter, type Item } from '../runtime/source.ts'
import { merged, type Totals } from '../runtime/totals.ts'
import type { RunEntry } from '../schemas/control.ts'
import { runs, totals } from '../topics/index.ts'
import { manifest } from './settings.ts'
import { announced, sourceOf, streamEntry } from './streams.ts'
import type { World } from './world.ts'

export const runEntry = async ({ tables, codec, names }: World, run: string): Promise<RunEntry | undefined> => {
  await tables.runs.refresh()
  const bytes = tables.runs.get(`${names.stream}/${run}`)
  return bytes && codec.decode(runs, bytes)
}

/** Every run of every stream under the prefix, newest first. One that nobody can read hides no other. */
export const allRuns = async ({ tables, codec, observe }: World): Promise<RunEntry[]> => {
  await tables.runs.refresh()
  const entries: RunEntry[] = []
  for (const [key, bytes] of tables.runs.entries()) {
    try {
      entries.push(await codec.decode(runs, bytes))
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      observe.logger.warn({ key, error: sentence(error) }, 'this entry of runs cannot be read and is passed over')
    }
  }
  return entries.sort((a, b) => b.opened_at - a.opened_at)
}

export interface Opening {
  readonly run: string
  readonly topology: Topology
  /** What its queries come from: a content hash and, for people, where it was found. Empty: from anywhere. */
  readonly source: string
  /** Where its passages go; empty: to the current collection. */
  readonly collection?: string | undefined
}

/** `<content hash> <where it was found>`: the same content may be found elsewhere. */
const sourceName = (source: string) => source.split(' ')[0]

const runName = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,119}$/

const sourceOfReplay = async (world: World): Promise<string | undefined> => {
  const entry = await streamEntry(world)
  return entry?.derivation ? entry.derived_from : undefined
}

/** Announces a run, or finds it again. @throws Fatal when a run of this name does something else. */
export const openRun = async (
  world: World,
  { run, topology, source, collection = '' }: Opening,
  signal: AbortSignal,
): Promise<RunEntry> => {
  if (!runName.test(run)) throw new Fatal(`run ${run}: a name holds letters, digits, dots, dashes and underscores only`)
  const derivedFrom = await sourceOfReplay(world)
  if (derivedFrom !== undefined)
    throw new Fatal(
      `stream ${world.names.stream} is a replay and has the runs of ${derivedFrom}: choose another one with --stream`,
    )
  const entry = (): RunEntry => ({
    ...{ stream: world.names.stream, run, state: 'open', count: null, opened_at: world.now(), closed_at: null },
    ...{ topology, source, settings: manifest(world.config).hash, collection },
  })
  const find = () => runEntry(world, run)
  const found = await announced(world, `run/${run}`, () => [runs.message(entry())], find, signal)
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

/** The collection of a run, looked up once: it never changes. @throws Rejected for a run that nobody has announced */
export const collectionsOfRuns = (world: World) => {
  const known = new Map<string, string>()
  return async (run: string): Promise<string> => {
    const found = known.get(run) ?? (await runEntry(world, run))?.collection
    if (found === undefined)
      throw new Rejected(`run ${run} was never announced in stream ${world.names.stream}: gainstream runs open ${run}`)
    known.set(run, found)
    return found
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
  /** How `done` has grown lately, by minute since 1970. */
  readonly recent: Readonly<Record<string, number>>
  /** When one of its stages settled something last, in milliseconds since 1970; 0 before. */
  readonly updated_at: number
}

/** Outcomes only: reasons (`filtered: …`) are counted under them. */
const plain = (counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(counts).filter(([key]) => !key.includes(': ') && key !== 'rejected' && key !== 'retried'),
  )
const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)

/** Outputs of a stage, whatever their outcome; rejects are not among them. */
export const settledBy = (counts: Readonly<Record<string, number>>): number => sum(plain(counts))

const rejectedSlot = /^(\d+): rejected$/

/** By minute: outputs of the last stage, and rejects of any. */
const recently = (stages: RunState['stages'], own: readonly string[]): Record<string, number> => {
  const recent: Record<string, number> = {}
  for (const name of own) {
    for (const [slot, n] of Object.entries(stages[name]?.recent ?? {})) {
      const minute = rejectedSlot.exec(slot)?.[1] ?? (name === own.at(-1) ? slot : undefined)
      if (minute !== undefined) recent[minute] = (recent[minute] ?? 0) + n
    }
  }
  return recent
}

type Counted = Pick<RunEntry, 'run' | 'topology' | 'count'>

/** A run is complete when it is closed and each of its queries has an outcome: an output or an unresolved reject. */
const stateOf = ({ topology, count }: Counted, parts: readonly Totals[]): RunState => {
  const stages = Object.fromEntries(
    [...Map.groupBy(parts, ({ stage }) => stage)].map(([stage, own]) => [stage, merged(own)]),
  )
  // Only the stages of the run's own topology: others may read the same topics for other runs.
  const own = stagesOfTopology(topology as Topology)
  const last = own.at(-1)
  const outcomes = last === undefined ? { offered: count ?? 0 } : plain(stages[last]?.counts ?? {})
  const rejected = own.reduce((all, name) => all + (stages[name]?.counts.rejected ?? 0), 0)
  const done = sum(outcomes) + rejected
  const updated_at = Math.max(0, ...own.map((name) => stages[name]?.updated_at ?? 0))
  const complete = count !== null && done >= count
  return { stages, outcomes, rejected, done, complete, recent: recently(stages, own), updated_at }
}

/** States of runs of this world's stream, out of one look at its totals. */
export const statesOf = async (
  { tables, codec }: World,
  entries: readonly Counted[],
): Promise<Map<string, RunState>> => {
  await tables.totals.refresh()
  const parts = new Map<string, Totals[]>(entries.map(({ run }) => [run, []]))
  for (const [key, bytes] of tables.totals.entries()) {
    const own = parts.get(key.split('/')[1] ?? '')
    if (!own) continue
    const part = await codec.decode(totals, bytes)
    if (parts.get(part.run) === own) own.push(part) // a run that nobody announced may be called anything, `mine/x` too
  }
  return new Map(entries.map((entry) => [entry.run, stateOf(entry, parts.get(entry.run) ?? [])]))
}

export const runState = async (world: World, entry: Counted): Promise<RunState> =>
  (await statesOf(world, [entry])).get(entry.run)!

/** How queries ended, for people: `kept 5, filtered 3, rejected 1`. */
export const outcomesOf = (outcomes: Readonly<Record<string, number>>, rejected: number): string =>
  [...Object.entries(outcomes), ...(rejected > 0 ? [['rejected', rejected] as const] : [])]
    .map(([name, n]) => `${name} ${n}`)
    .join(', ')
