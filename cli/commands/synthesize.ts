import type { Command } from 'commander'
import { stagesOfTopology } from '../../processors/index.ts'
import {
  configOf,
  inWorld,
  measuring,
  number,
  positive,
  withGlobals,
  withMeasuring,
  type Globals,
  type Io,
  type Measuring,
} from '../command.ts'
import { bring, candidatesIn, queryFile, survey, type Kind } from '../import.ts'
import { runState, type RunState } from '../runs.ts'
import type { RunEntry } from '../../schemas/control.ts'
import { openFilled } from '../checks.ts'
import { openStream } from '../streams.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'

interface Flags extends Globals, Measuring {
  readonly run?: string
  readonly dataset?: string
  readonly withCandidates?: boolean
  readonly limit?: number
  readonly k?: number
  readonly alpha?: number
}

/** Why queries gave no sample, most frequent first. */
const reasons = ({ stages }: RunState) =>
  Object.entries(stages.distil?.counts ?? {})
    .filter(([key, n]) => key.startsWith('filtered: ') && n > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([key, n]) => ({ reason: key.slice('filtered: '.length), queries: n }))

export const synthesized = (world: World, entry: RunEntry, state: RunState) => ({
  run: entry.run,
  stream: world.names.stream,
  queries: entry.count,
  kept: state.outcomes.kept ?? 0,
  filtered: state.outcomes.filtered ?? 0,
  reasons: reasons(state),
  rejected: state.rejected,
  complete: state.complete,
  passages_labelled: state.stages.label?.sums.passages ?? 0,
  cache_hits: state.stages.label?.sums.cache_hits ?? 0,
})

const act = (io: Io) => async (path: string, flags: Flags) => {
  const config = configOf(io, flags, { 'retrieve.k': flags.k, 'label.alpha': flags.alpha, ...measuring(flags) })
  const { run, limit } = flags
  const { withCandidates: given = false } = flags
  const kind = given ? candidatesIn(config, flags.dataset) : queryFile(flags.dataset)
  const topology = given ? 'labelling' : 'synthesis'
  const file = { path, kind: kind as Kind<unknown>, run, topology, limit } as const
  const surveyed = await survey(file, io)
  await inWorld(config, io, async (opened) => {
    await opened.observing.serve()
    const world = await (given ? openStream : openFilled)(opened, io.signal)
    const entry = await bring(world, io, file, surveyed)
    await work(world, { stages: stagesOfTopology(topology), entry, what: 'labelling', untilEmpty: true }, io.signal)
    const result = synthesized(world, entry, await runState(world, entry))
    if (flags.json) return io.out(JSON.stringify(result))
    io.out(`run ${result.run}: ${result.kept} of ${result.queries} queries gave a training sample`)
    for (const { reason, queries } of result.reasons) io.out(`  ${queries} filtered: ${reason}`)
    if (result.rejected > 0) io.out(`  ${result.rejected} rejected: gainstream rejects list --run ${result.run}`)
    if (result.kept > 0)
      io.out(`next: gainstream export samples --run ${result.run} --format flagembedding --out samples.jsonl`)
  })
}

export const synthesizeCommand = (program: Command, io: Io) => {
  const command = program
    .command('synthesize <queries>')
    .description(
      'label candidates of every query with their gain and distil training samples; goes on where it stopped',
    )
    .option('--run <name>', 'name of the run (default: from the file)')
    .option('--dataset <name>', 'for queries that name none')
    .option('--with-candidates', 'each query brings its passages (DPR, FlashRAG, Rankify, GainRAG): none are retrieved')
    .option('--limit <n>', 'only the first n queries', positive)
    .option('-k, --k <n>', 'retrieved candidates per query (setting retrieve.k)', positive)
    .option('--alpha <number>', 'weight of the contrast (setting label.alpha)', number)
  withGlobals(withMeasuring(command)).action(act(io))
}
