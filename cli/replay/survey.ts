/** What a stretch of a topic holds, by run. */
import type { Topology } from '../../processors/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { originOf } from '../../runtime/handle.ts'
import { isCopy } from '../../runtime/input.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { RunEntry } from '../../schemas/control.ts'
import type { Io } from '../command.ts'
import { slowly } from '../progress.ts'
import { runEntry } from '../runs.ts'
import type { World } from '../world.ts'
import { endsAfter } from './downstream.ts'
import type { Stretch } from './range.ts'

export interface Counted {
  readonly entry: RunEntry
  readonly records: number
  /** Distinct ones. */
  readonly queries: number
}

export interface Survey {
  /** Runs whose outcome comes of the topic. */
  readonly runs: readonly Counted[]
  /** Runs, or records without one, that are passed over, and why. */
  readonly passedOver: readonly { run: string; records: number; why: string }[]
}

/** Positions in a stretch: at least as many as records. */
export const positionsIn = ({ from, until }: Stretch): number =>
  until.reduce((sum, end, partition) => sum + end - (from[partition] ?? 0), 0)

const whyNot = (entry: RunEntry | undefined, topic: Topic, wanted: readonly string[]): string | undefined => {
  if (!entry) return 'nobody announced this run'
  if (wanted.length > 0 && !wanted.includes(entry.run)) return 'not asked for'
  if (!endsAfter(topic, entry.topology as Topology))
    return `what a run for ${entry.topology} ends with does not come of it`
  return undefined
}

const counted = async (world: World, io: Io, topic: Topic, stretch: Stretch) => {
  const { from, until } = stretch
  const found = new Map<string, { records: number; keys: Set<string> }>()
  const bar = slowly(`counting ${topic.name}`, io.screen)
  let read = 0
  for await (const record of world.log.read(world.names.topic(topic), { from, until, signal: io.signal })) {
    bar.update(++read, positionsIn(stretch))
    if (isCopy(record, from[record.partition] ?? 0)) continue
    const { run } = originOf(record, topic)
    const own = found.get(run) ?? { records: 0, keys: new Set() }
    found.set(run, own)
    own.records++
    own.keys.add(String(record.key))
  }
  io.signal.throwIfAborted()
  return found
}

/**
 * Reads the stretch once.
 * @param wanted only these runs; empty: all
 * @throws Fatal for a wanted run that is not there
 */
export const survey = async (
  world: World,
  io: Io,
  topic: Topic,
  stretch: Stretch,
  wanted: readonly string[],
): Promise<Survey> => {
  const found = await counted(world, io, topic, stretch)
  const missing = wanted.find((run) => !found.has(run))
  if (missing !== undefined) throw new Fatal(`there is nothing of run ${missing} in this stretch of ${topic.name}`)
  const runs: Counted[] = []
  const passedOver = []
  for (const [run, { records, keys }] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const entry = await runEntry(world, run)
    const why = whyNot(entry, topic, wanted)
    if (entry && why === undefined) runs.push({ entry, records, queries: keys.size })
    else passedOver.push({ run, records, why: why ?? '' })
  }
  return { runs, passedOver }
}
