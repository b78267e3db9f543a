import { Option, type Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import type { StreamEntry } from '../../schemas/control.ts'
import type { Topic } from '../../runtime/topic.ts'
import { inExisting, inWorld, number, positive, withGlobals, type Globals, type Io } from '../command.ts'
import type { Config } from '../config.ts'
import { derive, found } from '../replay/derive.ts'
import { parsed, readersOf } from '../replay/downstream.ts'
import { derivationOf, planned, sourceEntry, type Plan } from '../replay/plan.ts'
import { stretchOf, wordsOf, type RangeFlags } from '../replay/range.ts'
import { checkReads, nameOf, reinject, type Wanted } from '../replay/reinject.ts'
import { planLines, planOf, reinjectionLines, replayedLines, stateOf } from '../replay/report.ts'
import { derivedConfig, sourceConfig } from '../replay/settings.ts'
import { forecast } from '../replay/forecast.ts'
import { asStream } from '../settings.ts'
import { existingStream, openTopics } from '../streams.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'

interface Flags extends Globals, RangeFlags {
  readonly as?: string
  readonly intoStage?: string
  readonly run: string[]
  readonly key: string[]
  readonly rejectsOnly?: boolean
  readonly rate?: number
  readonly execute?: boolean
}

/** On Kafka, what a derived stream needs is made only where that was asked for. */
const opened = <T>(config: Config, io: Io, execute: boolean, use: (world: World) => Promise<T>): Promise<T> =>
  execute && config.engine === 'kafka' ? inWorld(config, io, use, { create: true }) : inExisting(config, io, use)

const same = (flags: Flags) =>
  [wordsOf(flags), ...flags.run.map((run) => `--run ${run}`)].filter((word) => word !== '').join(' ')

/** Works on a derived stream until all of it is done. */
const follow = async (world: World, io: Io, flags: Flags, entry: StreamEntry) => {
  const state = await stateOf(world, entry)
  const { entries, complete } = state
  if (!complete) await work(world, { stages: state.stages, entries, what: 'replaying', untilEmpty: true }, io.signal)
  const after = complete ? state : await stateOf(world, entry)
  io.out(flags.json ? JSON.stringify(after.result) : replayedLines(after, complete))
}

const derived = (io: Io, stream: string, topic: Topic, as: string, flags: Flags) =>
  opened(sourceConfig(io, flags, stream), io, flags.execute ?? false, async (world) => {
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
  })

const reinjected = (io: Io, stream: string, topic: Topic, stage: string, flags: Flags) =>
  opened(sourceConfig(io, flags, stream), io, false, async (world) => {
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
  })

const act = (io: Io) => async (text: string, flags: Flags) => {
  const { stream, topic } = parsed(text)
  if (flags.stream !== undefined && flags.stream !== stream)
    throw new Fatal(`--stream ${flags.stream} and ${text} name two streams: leave --stream out`)
  if (flags.intoStage !== undefined) return reinjected(io, stream, topic, flags.intoStage, flags)
  if (flags.as === undefined)
    throw new Fatal('say what is to be made of it: --as <new stream> runs it again there, --into-stage <stage> here')
  const idle = flags.key.length > 0 ? '--key' : flags.rejectsOnly ? '--rejects-only' : flags.rate ? '--rate' : undefined
  if (idle !== undefined) throw new Fatal(`${idle} is for --into-stage: a derived stream takes whole runs`)
  return derived(io, stream, topic, flags.as, flags)
}

const several = (value: string, before: string[]) => [...before, value]

export const replayCommand = (program: Command, io: Io) => {
  const command = program
    .command('replay <stream/topic>')
    .description(
      'run the stages again that read a topic, with other settings in a new stream, or once more in this one',
    )
    .option('--as <stream>', 'the new stream: the settings of the old one, and over them those of --set')
    .option('--into-stage <stage>', 'instead: send the records once more into this stage of the same stream')
    .option('--run <name>', 'only this run; may be repeated', several, [])
    .option('--to-earliest', 'from the first record that is kept (default)')
    .option('--to-datetime <time>', 'from the first record of this time, e.g. 2026-11-23T08:00:00Z')
    .option('--by-duration <duration>', 'from that long ago, e.g. PT2H or P1D')
    .addOption(
      new Option('--shift-by <n>', 'from n positions before the end of each partition, e.g. -100').argParser(number),
    )
    .option('--from-offsets <list>', 'from these positions, e.g. 0:120,3:40; other partitions are left out')
    .option('--until-datetime <time>', 'up to the first record of this time (default: to where it ends now)')
    .option('--until-offsets <list>', 'up to these positions, e.g. 0:180')
    .option('--key <key>', 'with --into-stage: only this query, by id or whole key; may be repeated', several, [])
    .option('--rejects-only', 'with --into-stage: only what the stage gave up and nobody has retried')
    .option('--rate <n>', 'with --into-stage: at most so many records a second', positive)
    .option('--execute', 'do it; without it, a plan')
  withGlobals(command).action(act(io))
}
