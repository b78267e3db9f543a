import { Option, type Command } from 'commander'
import type { Topology } from '../../processors/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'
import type { RunEntry } from '../../schemas/control.ts'
import { configOf, inExisting, inStream, inWorld, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { accountsOf, asDetail, asTable } from '../accounts.ts'
import { allRuns, closeRun, openRun, runEntry } from '../runs.ts'
import { openStream } from '../streams.ts'
import type { World } from '../world.ts'

interface Flags extends Globals {
  readonly recount?: boolean
  readonly watch?: boolean
}

const second = 1000

/** Once, or again and again until Ctrl-C. */
const repeatedly = async (io: Io, watch: boolean, look: () => Promise<string>) => {
  for (;;) {
    const text = await look()
    io.out(watch && io.screen.tty ? `\u001b[2J\u001b[H${text}` : text)
    if (watch) await pause(2 * second, io.signal)
    if (!watch || io.signal.aborted) return
  }
}

const act = (io: Io) => (flags: Flags) =>
  inExisting(configOf(io, flags), io, (world) =>
    repeatedly(io, flags.watch ?? false, async () => {
      const rows = await accountsOf(world, await allRuns(world), flags.recount)
      if (flags.json) return JSON.stringify(rows)
      return rows.length === 0 ? 'no runs yet' : asTable(rows)
    }),
  )

const known = async (world: World, run: string): Promise<RunEntry> => {
  const entry = await runEntry(world, run)
  if (entry) return entry
  throw new Fatal(`there is no run ${run} in stream ${world.names.stream}: gainstream runs lists them`)
}

/** `<stream>/<run>`, as the list of all runs has it: no run's name holds a `/`. */
const within = <T extends Globals>(name: string, flags: T): [run: string, flags: T] => {
  const [stream = '', run] = name.split('/')
  return run === undefined ? [name, flags] : [run, { ...flags, stream }]
}

const show = (io: Io) => (name: string, given: Flags) => {
  const [run, flags] = within(name, given)
  return inStream(configOf(io, flags), io, (world) =>
    repeatedly(io, flags.watch ?? false, async () => {
      const [row] = await accountsOf(world, [await known(world, run)], flags.recount)
      return flags.json ? JSON.stringify(row) : asDetail(row!)
    }),
  )
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
      const closed = await closeRun(world, await known(world, run), queries, io.signal)
      io.out(flags.json ? JSON.stringify(closed) : `run ${run} is closed with ${queries} queries`)
    })

export const runsCommand = (program: Command, io: Io) => {
  program.enablePositionalOptions() // `runs` and `runs open` have flags of the same names
  const looking = (command: Command) =>
    withGlobals(command)
      .option('--recount', 'read the topics and count distinct queries, too: exact even when keys were repeated')
      .option('--watch', 'again every two seconds, until Ctrl-C')
  const command = program
    .command('runs')
    .description('the runs of all streams: how far they are, how fast they go, what came out, what it cost')
  looking(command).action(act(io))
  const showing = command.command('show <run>').description('everything about one run, by stage')
  looking(showing).action(show(io))
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
