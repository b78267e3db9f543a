import { InvalidArgumentError, type Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import type { Obstacle } from '../../runtime/resume.ts'
import type { Target } from '../../runtime/reset.ts'
import { configOf, inStream, withGlobals, type Globals, type Io } from '../command.ts'
import { decide, planned, type Move, type Plan } from '../offsets.ts'
import { table } from '../report.ts'

export interface Flags extends Globals {
  readonly partition: readonly number[]
  readonly toEarliest?: boolean
  readonly toLatest?: boolean
  readonly reason: string
  readonly execute?: boolean
}

const costs: Readonly<Record<Obstacle, Readonly<Record<Target, string>>>> = {
  trimmed: {
    earliest: 'what was deleted is lost to this stage; all that is kept and not settled yet is worked on',
    latest: 'what was deleted is lost to this stage, and what is kept now is passed over, too',
  },
  'made anew': {
    earliest: 'all of the new topic is worked on; records that the old one held, too, leave their outputs twice',
    latest: 'what the new topic holds now is passed over',
  },
  'position lost': {
    earliest: 'all that is kept is worked on; what of it was settled before leaves its outputs twice',
    latest: 'all that is kept now is passed over, and what was not settled yet is lost to this stage',
  },
  'set by hand': {
    earliest: 'all that is kept is worked on; what of it was settled before leaves its outputs twice',
    latest: 'all that is kept now is passed over, and what was not settled yet is lost to this stage',
  },
}

const rowOf = ({ partition, obstacle, settled, first, end, to, gone, skipped }: Move) =>
  [partition, obstacle, settled ?? 'none', first, end, to, gone ?? 'unknown', skipped].map(String)

const shown = ({ stage, topic, moves }: Plan, target: Target) => {
  const head = ['partition', 'stopped by', 'settled', 'begins', 'ends', 'goes on at', 'deleted', 'passed over']
  const kinds = [...new Set(moves.map(({ obstacle }) => obstacle))]
  const remarks = kinds.map((obstacle) => `${obstacle}: ${costs[obstacle][target]}.`)
  return [`${stage} on ${topic}`, table([head, ...moves.map(rowOf)]), '', ...remarks].join('\n')
}

const targetOf = ({ toEarliest = false, toLatest = false }: Flags): Target => {
  if (toEarliest === toLatest) throw new Fatal('say where it is to go on: --to-earliest or --to-latest')
  return toEarliest ? 'earliest' : 'latest'
}

const reset = (io: Io) => async (stage: string, flags: Flags) => {
  const target = targetOf(flags)
  return inStream(configOf(io, flags), io, async (world) => {
    const plan = await planned(world, stage, flags.partition, target, io.signal)
    if (flags.execute) await decide(world, plan, flags.reason, io.signal)
    const { found: _found, ...said } = plan
    if (flags.json) return io.out(JSON.stringify({ ...said, target, executed: flags.execute ?? false }))
    io.out(shown(plan, target))
    io.out(
      flags.execute
        ? 'Decided: the next worker that holds such a partition goes on there, once.'
        : 'Nothing was done yet: add --execute.',
    )
  })
}

const partitions = (value: string, before: readonly number[]) => {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('It must be a whole number from 0.')
  return [...before, Number(value)]
}

export const offsetsCommand = (program: Command, io: Io) => {
  const group = program.command('offsets').description('where a stage goes on that stopped because its input is gone')
  const command = group
    .command('reset <stage>')
    .description('decide it; a plan without --execute. A stage that goes on by itself is not moved')
    .option('--partition <n>', 'only this one; may be repeated (default: all that are stopped)', partitions, [])
    .option('--to-earliest', 'go on with the first record that is kept')
    .option('--to-latest', 'pass over all that is there now')
    .option('--reason <text>', 'is kept with the decision', 'decided by hand')
    .option('--execute', 'do it')
  withGlobals(command).action(reset(io))
}
