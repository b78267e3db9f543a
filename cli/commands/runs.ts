import { Option, type Command } from 'commander'
import type { Topology } from '../../processors/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, inExisting, inStream, inWorld, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { recount } from '../recount.ts'
import { table } from '../report.ts'
import { allRuns, closeRun, openRun, outcomesOf, runEntry, runState } from '../runs.ts'
import { openStream } from '../streams.ts'
import type { World } from '../world.ts'

interface Flags extends Globals {
  readonly recount?: boolean
}

const described = async (world: World, exactly: boolean) => {
  const entries = await allRuns(world)
  const rows = []
  for (const entry of entries) {
    const own = world.as({ ...world.config, stream: entry.stream })
    const state = await runState(own, entry)
    const sums = Object.values(state.stages).map((stage) => stage.sums)
    const sum = (name: string) => sums.reduce((all, each) => all + (each[name] ?? 0), 0)
    const totals = { done: state.done, complete: state.complete, outcomes: state.outcomes, rejected: state.rejected }
    const cost = { calls: sum('calls'), prompt_tokens: sum('prompt_tokens'), cache_hits: sum('cache_hits') }
    const exact = exactly ? { recount: await recount(own, entry) } : {}
    rows.push({ ...entry, ...totals, ...cost, reader_seconds: sum('reader_seconds'), ...exact })
  }
  return rows
}

const act = (io: Io) => async (flags: Flags) => {
  await inExisting(configOf(io, flags), io, async (world) => {
    const rows = await described(world, flags.recount ?? false)
    if (flags.json) return io.out(JSON.stringify(rows))
    if (rows.length === 0) return io.out('no runs yet')
    const cells = rows.map((row) => [
      `${row.stream}/${row.run}`,
      row.topology,
      row.state === 'closed' ? `${row.done}/${row.count}` : `${row.done} (open)`,
      row.complete ? 'complete' : 'under way',
      outcomesOf(row.outcomes, row.rejected),
      'recount' in row ? outcomesOf(row.recount.outcomes, row.recount.rejected) : '',
    ])
    io.out(table([['run', 'topology', 'queries', '', 'outcomes', flags.recount ? 'recounted' : ''], ...cells]))
  })
}

const open =
  (io: Io) =>
  async (run: string, { topology, ...flags }: Globals & { topology: Topology }) =>
    inWorld(configOf(io, flags), io, async (opened) => {
      const world = await openStream(opened, io.signal)
      const entry = await openRun(world, { run, topology, source: '' }, io.signal)
      io.out(flags.json ? JSON.stringify(entry) : `run ${run} of stream ${entry.stream} is ${entry.state}`)
    })

const close =
  (io: Io) =>
  async (run: string, { queries, ...flags }: Globals & { queries: number }) =>
    inStream(configOf(io, flags), io, async (world) => {
      const entry = await runEntry(world, run)
      if (!entry) throw new Fatal(`there is no run ${run} in stream ${world.names.stream}: gainstream runs lists them`)
      const closed = await closeRun(world, entry, queries, io.signal)
      io.out(flags.json ? JSON.stringify(closed) : `run ${run} is closed with ${queries} queries`)
    })

export const runsCommand = (program: Command, io: Io) => {
  program.enablePositionalOptions() // `runs` and `runs open` have flags of the same names
  const command = program
    .command('runs')
    .description('the runs of all streams: how far they are, what came out, what it cost')
    .option('--recount', 'read the topics and count distinct queries, too: exact even when keys were repeated')
  withGlobals(command).action(act(io))
  const opening = command
    .command('open <run>')
    .description('announce a run whose queries come from a producer outside; records of other runs are rejected')
    .addOption(new Option('--topology <name>').choices(['synthesis', 'answering']).default('synthesis'))
  withGlobals(opening).action(open(io))
  const closing = command
    .command('close <run>')
    .description('say how many queries the run has: it is complete when each has its outcome')
    .requiredOption('--queries <n>', 'distinct queries', positive)
  withGlobals(closing).action(close(io))
}
