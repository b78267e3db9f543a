/** Replays for people and for programs. */
import { type Topology } from '../../processors/index.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { RunEntry, StreamEntry } from '../../schemas/control.ts'
import { byName } from '../../topics/index.ts'
import { duration } from '../progress.ts'
import { table } from '../report.ts'
import { outcomesOf, runEntry, runState } from '../runs.ts'
import type { World } from '../world.ts'
import { stagesAgain } from './downstream.ts'
import type { Forecast } from './forecast.ts'
import type { Plan } from './plan.ts'
import type { Stretch } from './range.ts'

export interface Row {
  readonly partition: number
  readonly from: number
  readonly until: number
}

export const rowsOf = ({ from, until }: Pick<Stretch, 'from' | 'until'>): Row[] =>
  until.map((end, partition) => ({ partition, from: from[partition] ?? 0, until: end }))

const partitionTable = (rows: readonly Row[]) =>
  table([
    ['partition', 'from', 'until', 'positions'],
    ...rows.map(({ partition, from, until }) => [partition, from, until, until - from].map(String)),
  ])

export const planOf = ({ stretch, surveyed, stages, changed }: Plan, stream: string, topic: Topic, as: string) => ({
  ...{ stream, topic: topic.name, as, partitions: rowsOf(stretch), stages, settings: changed, executed: false },
  runs: surveyed.runs.map(({ entry: { run, topology }, records, queries }) => ({ run, topology, records, queries })),
  passed_over: surveyed.passedOver,
})

const shown = (value: unknown) => (value === undefined ? 'unset' : JSON.stringify(value))

export const planLines = (plan: Plan, stream: string, topic: Topic, as: string, executing = false): string => {
  const { stretch, surveyed, stages, changed } = plan
  const runs = surveyed.runs.map(({ entry, records, queries }) => [
    entry.run,
    entry.topology,
    `${records}`,
    `${queries}`,
  ])
  const settings = changed.map(({ setting, from, to }) => `  ${setting}: ${shown(from)} → ${shown(to)}`)
  return [
    `${stream}/${topic.name} is read by ${stages.join(', ')} of a new stream ${as}:`,
    partitionTable(rowsOf(stretch)),
    '',
    table([['run', 'topology', 'records', 'queries'], ...runs]),
    ...surveyed.passedOver.map(
      ({ run, records, why }) => `passed over: ${run || 'no run'} (${records} records): ${why}`,
    ),
    '',
    changed.length === 0 ? 'with the same settings' : 'with other settings:',
    ...settings,
    ...(executing ? [] : ['nothing was done yet: add --execute']),
  ].join('\n')
}

/** How far a derived stream is. */
export const stateOf = async (world: World, { stream, derived_from, derivation }: StreamEntry) => {
  const entries: RunEntry[] = []
  for (const run of derivation?.runs ?? []) {
    const entry = await runEntry(world, run)
    if (entry) entries.push(entry)
  }
  const runs = []
  for (const entry of entries) {
    const { done, complete, outcomes, rejected } = await runState(world, entry)
    runs.push({ run: entry.run, queries: entry.count, done, complete, outcomes, rejected })
  }
  const topology = entries.map((entry) => entry.topology as Topology)
  const stages = stagesAgain(byName(derivation?.topic ?? ''), topology)
  const complete = runs.every((run) => run.complete)
  return { entries, stages, complete, result: { stream, derived_from, stages, runs, complete, executed: true } }
}
export type State = Awaited<ReturnType<typeof stateOf>>

export const replayedLines = ({ result, complete }: State, before: boolean): string => {
  const rows = result.runs.map(({ run, queries, done, outcomes, rejected }) => [
    `${result.stream}/${run}`,
    `${done}/${queries}`,
    outcomesOf(outcomes, rejected),
  ])
  const said = complete ? (before ? 'was done before' : 'is done') : 'is under way: add --execute to go on'
  return `${result.stream}, a replay of ${result.derived_from}, ${said}\n${table([['run', 'queries', 'outcomes'], ...rows])}`
}

export const reinjectionLines = (plan: Forecast, rate: number | undefined): string => {
  const { stream, topic, stage, name, partitions, records, rejects } = plan
  const time = rate === undefined ? '' : `, in ${duration(records / rate)} at ${rate} a second`
  return [
    partitionTable(partitions),
    '',
    `${records} records of ${stream}/${topic} would go into ${stage} once more${time}; ${rejects} of them are rejects ` +
      `(${name})`,
    'nothing was done yet: add --execute',
  ].join('\n')
}
