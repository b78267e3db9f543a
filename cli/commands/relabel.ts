import type { Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import type { StreamEntry } from '../../schemas/control.ts'
import { byName } from '../../topics/index.ts'
import { inExisting, inWorld, positive, number, withGlobals, type Globals, type Io } from '../command.ts'
import { labelsText } from '../compare/labels-text.ts'
import { compareLabels, type LabelComparison, type Labelled } from '../compare/labels.ts'
import type { Config } from '../config.ts'
import { intoStream } from '../replay/run.ts'
import { changes, derivedConfig, sourceConfig } from '../replay/settings.ts'
import { settingsIn } from '../settings.ts'
import { streamEntry } from '../streams.ts'
import type { Measure } from '../../method/gain.ts'
import type { World } from '../world.ts'

export interface Flags extends Globals {
  readonly as: string
  readonly alpha?: number
  readonly measure?: string
  readonly execute?: boolean
  readonly limit: number
}

/** α and measure are settings like any others, with a shorter name here. */
const asSet = ({ alpha, measure, set, ...others }: Flags): Flags => ({
  ...others,
  set: [
    ...(alpha === undefined ? [] : [`label.alpha=${alpha}`]),
    ...(measure === undefined ? [] : [`distil.measure=${measure}`]),
    ...set,
  ],
})

const entryOf = async (world: World): Promise<StreamEntry> => {
  const entry = await streamEntry(world)
  if (entry) return entry
  throw new Fatal(`there is no stream ${world.names.stream} whose labels could be measured again`)
}

/** What the passages of a group are ranked by: where both figures stand in the gains, distil takes one. */
const measureIn = (entry: StreamEntry): Measure =>
  settingsIn(entry).some(([path, value]) => path[1] === 'measure' && value === 'plain') ? 'plain' : 'contrastive'

/** Another measure needs the gains that are there; whatever else changes, they are measured again. */
const topicFor = (entry: StreamEntry, config: Config) => {
  const changed = changes(entry, config)
  if (changed.length === 0)
    throw new Fatal('nothing is to change: say what with --alpha, --measure or --set, e.g. --set vllm.model=<another>')
  return byName(changed.every(({ setting }) => setting.startsWith('distil.')) ? 'gains' : 'candidates')
}

const runsOf = ({ derivation }: StreamEntry, wanted: string | undefined): string[] =>
  (derivation?.runs ?? []).filter((run) => wanted === undefined || run === wanted)

/** Each replayed run against what it was; empty where nothing was replayed yet. */
export const relabelled = async (world: World, as: string, limit: number, wanted?: string) => {
  const [source, derived] = [await entryOf(world), await streamEntry(world.as({ ...world.config, stream: as }))]
  const results: LabelComparison[] = []
  if (!derived) return results
  const own = derived.derivation?.topic === 'gains' ? source.stream : as // where distil alone ran again
  for (const run of runsOf(derived, wanted)) {
    const a: Labelled = { stream: source.stream, run, measure: measureIn(source) }
    results.push(await compareLabels(world, a, { stream: own, run, measure: measureIn(derived) }, limit))
  }
  return results
}

const replayed = async (world: World, io: Io, stream: string, run: string | undefined, flags: Flags) => {
  const entry = await entryOf(world)
  const topic = topicFor(entry, derivedConfig(io, flags, entry, flags.as))
  const said: string[] = []
  const hearing = { ...io, out: (text: string) => void said.push(text) }
  const replaying = { ...flags, run: run === undefined ? [] : [run], key: [] }
  await intoStream(hearing, { stream, topic }, flags.as, replaying)(world)
  return said.join('\n')
}

/** The plan of it, or all of it and what came of it. `text`: the stream, or one of its runs. */
export const relabel =
  (io: Io, text: string, given: Flags) =>
  async (world: World): Promise<void> => {
    const flags = asSet(given)
    const [stream = '', run] = text.split('/')
    const plan = await replayed(world, io, stream, run, flags)
    const results = flags.execute ? await relabelled(world, flags.as, flags.limit, run) : []
    if (flags.json) return io.out(JSON.stringify({ replay: JSON.parse(plan) as unknown, compared: results }))
    io.out([plan, ...results.map(labelsText)].join('\n\n'))
  }

const act = (io: Io) => (text: string, flags: Flags) => {
  const config = sourceConfig(io, asSet(flags), text.split('/')[0] ?? '')
  const makes = flags.execute === true && config.engine === 'kafka' // as replay does
  const use = relabel(io, text, flags)
  return makes ? inWorld(config, io, use, { create: true }) : inExisting(config, io, use)
}

export const relabelCommand = (program: Command, io: Io) => {
  const command = program
    .command('relabel <stream>')
    .description(
      'measure a stream’s labels again (or one run’s: <stream>/<run>) with another α, reader or measure, and see how the choice changes',
    )
    .requiredOption('--as <stream>', 'the new stream that holds them; the old one stays as it is')
    .option('--alpha <n>', 'weight of the contrast (setting label.alpha)', number)
    .option('--measure <name>', 'contrastive or plain, from the figures that are there (setting distil.measure)')
    .option('--execute', 'do it; without it, a plan')
    .option('--limit <n>', 'so many of the queries with another first passage are listed', positive, 20)
  withGlobals(command).action(act(io))
}
