/** The two ways of a replay, from the flags to what is said of them. */
import { Fatal } from '../../runtime/errors.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { StreamEntry } from '../../schemas/control.ts'
import type { Globals, Io } from '../command.ts'
import { asStream } from '../settings.ts'
import { existingStream, openTopics } from '../streams.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'
import { derive, found } from './derive.ts'
import { readersOf } from './downstream.ts'
import { forecast } from './forecast.ts'
import { derivationOf, planned, sourceEntry, type Plan } from './plan.ts'
import { stretchOf, wordsOf, type RangeFlags } from './range.ts'
import { checkReads, nameOf, reinject, type Wanted } from './reinject.ts'
import { planLines, planOf, reinjectionLines, replayedLines, stateOf } from './report.ts'
import { derivedConfig } from './settings.ts'

/** Flags of the command. */
export interface Flags extends Globals, RangeFlags {
  readonly as?: string
  readonly intoStage?: string
  readonly run: string[]
  readonly key: string[]
  readonly rejectsOnly?: boolean
  readonly rate?: number
  readonly execute?: boolean
}

const same = (flags: Flags) =>
  [wordsOf(flags), ...flags.run.map((run) => `--run ${run}`)].filter((word) => word !== '').join(' ')

export interface Source {
  readonly stream: string
  readonly topic: Topic
}

/** Works on a derived stream until all of it is done. */
const follow = async (world: World, io: Io, flags: Flags, entry: StreamEntry) => {
  const state = await stateOf(world, entry)
  const { entries, complete } = state
  if (!complete) await work(world, { stages: state.stages, entries, what: 'replaying', untilEmpty: true }, io.signal)
  const after = complete ? state : await stateOf(world, entry)
  io.out(flags.json ? JSON.stringify(after.result) : replayedLines(after, complete))
}

/** The plan of a derived stream, or its making and all its work; a second time what is left of it. */
export const intoStream =
  (io: Io, { stream, topic }: Source, as: string, flags: Flags) =>
  async (world: World): Promise<void> => {
    if (as === stream) throw new Fatal(`--as ${as} is the source itself: a derived stream has a name of its own`)
    const source = await existingStream(world)
    const entry = await sourceEntry(source, topic)
    const config = derivedConfig(io, flags, entry, as)
    const own = source.as(config)
    const asked = { stream, topic: topic.name, request: same(flags) }
    const before = await found(own, asked)
    if (before) {
      asStream(config, before) // says which setting differs
      const there = await existingStream(own)
      if (flags.execute) return follow(await openTopics(there), io, flags, before)
      const state = await stateOf(there, before)
      return io.out(flags.json ? JSON.stringify(state.result) : replayedLines(state, state.complete))
    }
    const plan: Plan = await planned(source, io, entry, { topic, flags, runs: flags.run, config })
    if (!flags.execute)
      return io.out(flags.json ? JSON.stringify(planOf(plan, stream, topic, as)) : planLines(plan, stream, topic, as))
    if (!flags.json) io.screen.write(`${planLines(plan, stream, topic, as, true)}\n`)
    const made = await derive(own, derivationOf(source, topic, plan, asked.request), plan.surveyed.runs, io.signal)
    await follow(made, io, flags, (await found(made, asked))!)
  }

/** The plan of a re-injection, or the sending. */
export const intoStage =
  (io: Io, { stream, topic }: Source, stage: string, flags: Flags) =>
  async (world: World): Promise<void> => {
    const source = await existingStream(world)
    await sourceEntry(source, topic)
    checkReads(stage, topic, readersOf(topic))
    const wanted: Wanted = { topic, stage, runs: flags.run, keys: flags.key, rejectsOnly: flags.rejectsOnly ?? false }
    const name = nameOf(wanted, wordsOf(flags), flags.as)
    const stretch = await stretchOf(source, source.names.topic(topic), flags)
    if (!flags.execute) {
      const plan = await forecast(source, io, wanted, stretch, name)
      return io.out(flags.json ? JSON.stringify(plan) : reinjectionLines(plan, flags.rate))
    }
    const counts = await reinject(source, io, { ...wanted, name, rate: flags.rate }, stretch)
    const result = { stream, topic: topic.name, stage, name, ...counts, executed: true }
    io.out(
      flags.json
        ? JSON.stringify(result)
        : `${counts.sent + counts.retried} records went into ${stage} once more, ${counts.retried} of them as retried ` +
            `rejects (${name}); gainstream start --stream ${stream} works on them`,
    )
  }
