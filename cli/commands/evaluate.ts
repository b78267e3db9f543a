import { InvalidArgumentError, type Command } from 'commander'
import type { RunEntry } from '../../schemas/control.ts'
import { candidates, gains } from '../../topics/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { openFilled } from '../checks.ts'
import { openStream } from '../streams.ts'
import {
  configOf,
  inWorld,
  measuring,
  positive,
  withGlobals,
  withMeasuring,
  type Globals,
  type Io,
  type Measuring,
} from '../command.ts'
import {
  checkConditions,
  conditions,
  derive,
  described,
  needsSelector,
  reached,
  type Choosers,
  type Condition,
} from '../conditions.ts'
import { sampledKind, sampleOf, type Named, type Sample } from '../datasets.ts'
import { bring, candidatesIn, defaultName, queryFile, survey, type Kind, type Surveyed } from '../import.ts'
import { asJson, judge, liveFigures, uneven, type Evaluated } from '../evaluation.ts'
import { asText, evaluationReport } from '../report/evaluation.ts'
import { reportFile, writeReport } from '../report/write.ts'
import { microOf, shown, table } from '../report.ts'
import { closeRun, runState } from '../runs.ts'
import { weightsIn, weightsInForce } from '../weights.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'

interface Flags extends Globals, Measuring {
  readonly run?: string
  readonly dataset?: string
  readonly withCandidates?: boolean
  readonly limit?: number
  readonly sample?: number
  readonly seed: string
  readonly k?: number
  readonly conditions: readonly Condition[]
  readonly selector?: string
  readonly reranker?: string
  readonly report?: string
}

const isCondition = (name: string): name is Condition => (conditions as readonly string[]).includes(name)

const conditionList = (value: string): Condition[] =>
  value.split(',').map((name) => {
    if (isCondition(name)) return name
    throw new InvalidArgumentError(`Conditions are ${conditions.join(', ')}.`)
  })

/** Answers a run's queries under each condition, in a derived stream each. */
export const underConditions = async (
  world: World,
  entry: RunEntry,
  wanted: readonly Condition[],
  signal: AbortSignal,
  choosers: Choosers = {},
): Promise<Evaluated[]> => {
  const done: Evaluated[] = []
  for (const condition of wanted) {
    const derived = await derive(world, entry, condition, choosers, signal)
    const count = await reached(world, entry.run, condition === 'gain' ? gains : candidates)
    const closed = await closeRun(derived.world, derived.entry, count, signal)
    const stages = ['select', 'generate', 'evaluate']
    const working = { stages, entry: closed, what: described[condition], untilEmpty: true, note: liveFigures }
    await work(derived.world, working, signal)
    const state = await runState(derived.world, closed)
    done.push({ condition, stream: derived.world.names.stream, state })
  }
  return done
}

export const conditionTable = (evaluated: readonly Evaluated[]): string => {
  const names = ['strict_em', 'boundary_em', 'containment_em', 'f1', 'has_answer'] as const
  const rows = evaluated.map(({ condition, state }) => {
    const micro = microOf(state)
    return [described[condition], String(micro.f1?.n ?? 0), ...names.map((name) => shown(micro[name]))]
  })
  return table([['', 'n', 'strict EM', 'boundary EM', 'containment EM', 'F1', 'has answer'], ...rows])
}

/** The weights that these conditions choose by. @throws Fatal for a folder that holds none */
const choosersOf = async (
  world: World,
  { conditions: wanted, selector, reranker }: Flags,
  io: Io,
): Promise<Choosers> => {
  const inForce = async () => (wanted.some(needsSelector) ? weightsInForce(world, io.signal) : undefined)
  return {
    selector: selector === undefined ? await inForce() : await weightsIn(selector),
    reranker: reranker === undefined ? undefined : await weightsIn(reranker),
  }
}

/** Queries stand alone in a file, or with their candidates. */
const namedIn = (fallback: string | undefined) => (value: unknown) => {
  const { id, dataset } = (value as { query?: Named }).query ?? (value as Named)
  return { id, dataset: dataset === '' ? (fallback ?? '') : dataset }
}

const sampledOf = async (path: string, kind: Kind<unknown>, flags: Flags, io: Io): Promise<Sample | undefined> => {
  const { sample: n, seed, limit } = flags
  if (n === undefined) return undefined
  if (limit !== undefined) throw new Fatal('--sample draws queries and --limit takes the first ones: give one of them')
  return sampleOf(path, kind, namedIn(flags.dataset), { n, seed }, io.signal)
}

/** The whole file and each sample of it are runs of their own. */
const sampledName = (surveyed: Surveyed, topology: 'offered' | 'finding', sample: Sample | undefined) =>
  sample &&
  `${defaultName(surveyed, topology)}-${sample.n}-${sample.seed}`.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 120)

const sourceLines = ({ path, sha256, count }: Surveyed, sample: Sample | undefined): string[] => [
  `${count} queries of ${path}, sha256 ${sha256.slice(0, 64)}`,
  ...(sample ? [`${sample.ids.length} of ${sample.of} drawn with seed ${sample.seed}; their ids stand in the JSON report`] : []), // prettier-ignore
  'Which queries the paper took of its datasets is not published: these figures are of the queries named here.',
]

interface Asked {
  readonly flags: Flags
  readonly surveyed: Surveyed
  readonly sample: Sample | undefined
}

const tell = async (world: World, io: Io, run: string, evaluated: readonly Evaluated[], asked: Asked) => {
  const { flags, surveyed, sample } = asked
  const judged = await judge(world, run, evaluated)
  const remark = uneven(evaluated)
  const remarks = [...(remark === undefined ? [] : [remark]), ...judged.warnings]
  const told = { results: asJson(run, evaluated, judged), remarks }
  if (flags.report !== undefined) {
    const { path, sha256, count } = surveyed
    const data = { run, source: { path, sha256: sha256.slice(0, 64), queries: count }, sample: sample ?? null, remarks, conditions: told.results } // prettier-ignore
    await writeReport(flags.report, evaluationReport(told, { run, source: sourceLines(surveyed, sample) }, data))
  }
  if (!flags.json) return io.out(asText(told))
  for (const each of remarks) io.screen.write(`${each}\n`)
  io.out(JSON.stringify(told.results))
}

const act = (io: Io) => async (path: string, flags: Flags) => {
  const config = configOf(io, flags, { 'retrieve.k': flags.k, ...measuring(flags) })
  const { run, limit } = flags
  const { withCandidates: given = false } = flags
  const whole = (given ? candidatesIn(config, flags.dataset) : queryFile(flags.dataset)) as Kind<unknown>
  const sample = await sampledOf(path, whole, flags, io)
  const kind = sample ? sampledKind(whole, namedIn(flags.dataset), sample) : whole
  const file = { path, kind, run, topology: given ? 'offered' : 'finding', limit } as const
  const surveyed = await survey(file, io)
  const evaluating = async (opened: World) => {
    await opened.observing.serve()
    const choosers = await choosersOf(opened, flags, io)
    checkConditions(flags.conditions, opened.config, choosers, given)
    const world = await (given ? openStream : openFilled)(opened, io.signal)
    const entry = await bring(
      world,
      io,
      { ...file, run: run ?? sampledName(surveyed, file.topology, sample) },
      surveyed,
    )
    const stages = [...(given ? [] : ['imagine', 'retrieve']), ...(flags.conditions.includes('gain') ? ['label'] : [])]
    const what = `finding candidates (${stages.join(', ')})`
    if (stages.length > 0) await work(world, { stages, entry, what, untilEmpty: true }, io.signal)
    const evaluated = await underConditions(world, entry, flags.conditions, io.signal, choosers)
    await tell(world, io, entry.run, evaluated, { flags, surveyed, sample })
  }
  await inWorld(config, io, evaluating, { create: true }) // each condition is a stream of its own
}

export const evaluateCommand = (program: Command, io: Io) => {
  const command = program
    .command('evaluate <queries>')
    .description('answer queries under several conditions and grade the answers')
    .option('--run <name>', 'name of the run (default: from the file)')
    .option('--dataset <name>', 'for queries that name none')
    .option('--with-candidates', 'each query brings its passages (DPR, FlashRAG, Rankify, GainRAG): none are retrieved')
    .option('--limit <n>', 'only the first n queries', positive)
    .option('--sample <n>', 'only n queries, drawn from every dataset in proportion', positive)
    .option('--seed <text>', 'of --sample: another one draws others', '1')
    .option('-k, --k <n>', 'retrieved candidates per query (setting retrieve.k)', positive)
    .option('--conditions <list>', `of ${conditions.join(', ')}`, conditionList, ['none', 'first'])
    .option('--selector <folder>', 'for selected and abstain (default: the one in force)')
    .option('--reranker <folder>', 'for reranker: weights that never saw a gain')
    .option('--report <file>', 'a report, too: .md, .html or .json', reportFile)
  withGlobals(withMeasuring(command)).action(act(io))
}
