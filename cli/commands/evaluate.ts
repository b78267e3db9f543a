import { InvalidArgumentError, type Command } from 'commander'
import type { RunEntry } from '../../schemas/control.ts'
import { candidates, gains } from '../../topics/index.ts'
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
import { conditions, derive, described, reached, type Condition } from '../conditions.ts'
import { bring, candidatesIn, queryFile, survey, type Kind } from '../import.ts'
import { asJson, asText, uneven, versusFirst, type Evaluated } from '../evaluation.ts'
import { microOf, shown, table } from '../report.ts'
import { closeRun, runState } from '../runs.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'

interface Flags extends Globals, Measuring {
  readonly run?: string
  readonly dataset?: string
  readonly withCandidates?: boolean
  readonly limit?: number
  readonly k?: number
  readonly conditions: readonly Condition[]
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
): Promise<Evaluated[]> => {
  const done: Evaluated[] = []
  for (const condition of wanted) {
    const derived = await derive(world, entry, condition, signal)
    const count = await reached(world, entry.run, condition === 'gain' ? gains : candidates)
    const closed = await closeRun(derived.world, derived.entry, count, signal)
    const stages = ['select', 'generate', 'evaluate']
    await work(derived.world, { stages, entry: closed, what: described[condition], untilEmpty: true }, signal)
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

const act = (io: Io) => async (path: string, flags: Flags) => {
  const config = configOf(io, flags, { 'retrieve.k': flags.k, ...measuring(flags) })
  const { run, limit } = flags
  const { withCandidates: given = false } = flags
  const kind = given ? candidatesIn(config, flags.dataset) : queryFile(flags.dataset)
  const file = { path, kind: kind as Kind<unknown>, run, topology: given ? 'offered' : 'finding', limit } as const
  const surveyed = await survey(file, io)
  const evaluating = async (opened: World) => {
    await opened.observing.serve()
    const world = await (given ? openStream : openFilled)(opened, io.signal)
    const entry = await bring(world, io, file, surveyed)
    const stages = [...(given ? [] : ['imagine', 'retrieve']), ...(flags.conditions.includes('gain') ? ['label'] : [])]
    const what = `finding candidates (${stages.join(', ')})`
    if (stages.length > 0) await work(world, { stages, entry, what, untilEmpty: true }, io.signal)
    const evaluated = await underConditions(world, entry, flags.conditions, io.signal)
    const versus = await versusFirst(world, entry.run, evaluated)
    if (!flags.json) return io.out(asText(evaluated, versus))
    const remark = uneven(evaluated)
    if (remark !== undefined) io.screen.write(`${remark}\n`)
    io.out(JSON.stringify(asJson(entry.run, evaluated, versus)))
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
    .option('-k, --k <n>', 'retrieved candidates per query (setting retrieve.k)', positive)
    .option('--conditions <list>', 'of none, first, gain', conditionList, ['none', 'first'])
  withGlobals(withMeasuring(command)).action(act(io))
}
