import type { Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import { processors, stagesFor, type Topology } from '../../processors/index.ts'
import { configOf, inStream, withGlobals, type Globals, type Io } from '../command.ts'
import { giveUp, placeOf, settledWithin, unfinished } from '../giveup.ts'
import { inputOf, readRejects, retry, valueOf, type Reject } from '../rejects.ts'
import { table } from '../report.ts'
import { runEntry } from '../runs.ts'
import { openStream } from '../streams.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'

interface Filter extends Globals {
  readonly run?: string
  readonly stage?: string
  readonly kind?: string
  readonly all?: boolean
  readonly execute?: boolean
  readonly work?: boolean
}

const matching = async (world: World, { run, stage, kind, all }: Filter) =>
  (await readRejects(world)).filter(
    (reject) =>
      (all || !reject.resolved) &&
      (run === undefined || reject.run === run) &&
      (stage === undefined || reject.stage === stage) &&
      (kind === undefined || reject.kind === kind),
  )

/** Reasons without the ids and numbers in them, so that alike ones count as one. */
const kindOfReason = ({ kind, reason, stage }: Reject) =>
  `${stage}: ${kind}: ${reason
    .replace(/(query|passage) \S+/g, '$1 …')
    .replace(/\d+/g, 'n')
    .slice(0, 120)}`

const list = (io: Io) => async (flags: Filter) =>
  inStream(configOf(io, flags), io, async (world) => {
    const found = await matching(world, flags)
    const summary = Object.entries(Object.groupBy(found, kindOfReason)).map(([reason, own]) => ({
      reason,
      count: own?.length ?? 0,
    }))
    summary.sort((a, b) => b.count - a.count)
    const plain = found.map(({ headers: _headers, ...reject }) => reject)
    if (flags.json) return io.out(JSON.stringify({ rejects: plain, reasons: summary }))
    if (found.length === 0) return io.out('no rejects')
    const rows = plain.map(({ id, run, key, stage, kind, reason, resolved }) => [
      id,
      run,
      key,
      stage,
      resolved ? `${kind} (retried)` : kind,
      reason.slice(0, 80),
    ])
    io.out(table([['id', 'run', 'key', 'stage', 'kind', 'reason'], ...rows]))
    io.out(`\n${summary.map(({ reason, count }) => `${count} × ${reason}`).join('\n')}`)
  })

const show = (io: Io) => async (id: string, flags: Filter) =>
  inStream(configOf(io, flags), io, async (world) => {
    const found = (await readRejects(world)).find((reject) => reject.id === id)
    if (!found) throw new Fatal(`there is no reject ${id}: gainstream rejects list shows their ids`)
    const value = await valueOf(world, found)
    const decoded =
      value &&
      (await world.codec
        .decode(inputOf(found.stage), value)
        .catch((error: Error) => `cannot be decoded: ${error.message}`))
    io.out(JSON.stringify({ ...found, value: decoded }, null, flags.json ? 0 : 2))
  })

/** The stages that the topologies of these runs have, in order. */
const stagesOfRuns = async (world: World, wanted: ReadonlySet<string>) => {
  const entries = await Promise.all([...wanted].map((run) => runEntry(world, run)))
  const names = new Set(entries.flatMap((entry) => (entry ? stagesFor(entry.topology as Topology) : [])))
  return processors.map(({ name }) => name).filter((name) => names.has(name))
}

const again = (io: Io) => async (flags: Filter) =>
  inStream(configOf(io, flags), io, async (world) => {
    const found = await matching(world, flags)
    const to = [...new Set(found.map(({ origin }) => origin.topic))].join(', ')
    if (!flags.execute || found.length === 0) {
      if (flags.json) return io.out(JSON.stringify({ planned: found.length, retried: 0 }))
      return io.out(
        found.length === 0
          ? 'no rejects'
          : `${found.length} rejects would go back to ${to}; nothing was done yet: add --execute`,
      )
    }
    let retried = 0
    for (const reject of found) if (await retry(world, reject, io.signal)) retried++
    io.out(
      flags.json
        ? JSON.stringify({ planned: found.length, retried })
        : `${retried} of ${found.length} rejects went back to ${to}${flags.work ? '' : `; gainstream start --stream ${world.names.stream} works on them`}`,
    )
    if (flags.work && retried > 0) {
      const opened = await openStream(world, io.signal)
      const stages = await stagesOfRuns(opened, new Set(found.map(({ run }) => run)))
      await work(opened, { stages, what: 'working on what was sent back', untilEmpty: true }, io.signal)
    }
  })

interface Adding extends Globals {
  readonly reason: string
  readonly execute?: boolean
}

const add =
  (io: Io) =>
  async (stage: string, place: string, { reason, execute, ...flags }: Adding) =>
    inStream(configOf(io, flags), io, async (world) => {
      const stuck = await unfinished(world, placeOf(stage, place))
      const { key, topic, partition, position } = stuck
      const what = `${key} at ${partition}/${position} of ${topic}`
      if (execute) await giveUp(world, stuck, reason, io.signal)
      const settled = execute === true && (await settledWithin(world, stuck, 3000, io.signal))
      if (flags.json) return io.out(JSON.stringify({ ...stuck, reason, given_up: execute ?? false, settled }))
      if (!execute) return io.out(`${stage} would give up ${what}; nothing was done yet: add --execute`)
      const next = settled ? 'it is a reject now' : 'the next worker that holds this partition makes it a reject'
      io.out(`${stage} gives up ${what}: ${next} (gainstream rejects list --kind 'given up')`)
    })

export const rejectsCommand = (program: Command, io: Io) => {
  const group = program.command('rejects').description('dead letters: list, show, retry, add')
  const filtered = (command: Command) =>
    withGlobals(command)
      .option('--run <name>', 'only this run')
      .option('--stage <name>', 'only of this stage')
      .option('--kind <kind>', 'only rejected, failed, poison, unwritable or given up')
  filtered(group.command('list').description('rejects with their reasons, counted'))
    .option('--all', 'those that were retried, too')
    .action(list(io))
  withGlobals(group.command('show <id>').description('one reject with its headers and its record')).action(show(io))
  filtered(group.command('retry').description('send rejects back to where they came from; a plan without --execute'))
    .option('--execute', 'do it')
    .option('--work', 'and work on them until the stream is empty')
    .action(again(io))
  const adding = group
    .command('add <stage> <place>')
    .description(
      "give up the record at <partition>/<position> of a stage's input, also while its step hangs; a plan without --execute",
    )
    .option('--reason <text>', 'stands in the reject', 'given up by hand')
    .option('--execute', 'do it')
  withGlobals(adding).action(add(io))
}
