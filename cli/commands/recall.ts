import { InvalidArgumentError, type Command } from 'commander'
import { writeLines } from '../../adapters/files/index.ts'
import { Fatal, Rejected } from '../../runtime/errors.ts'
import type { Query } from '../../schemas/query.ts'
import { checkSearchable, isBegun, type Stores } from '../collections.ts'
import { configOf, positive, withGlobals, type Globals, type Io } from '../command.ts'
import type { Config } from '../config.ts'
import { progress, remarks } from '../progress.ts'
import { asJson, asText, missing, missingLine, type Report } from '../recall-report.ts'
import { absentGolds, queriesOf, recall, type Searching } from '../recall.ts'
import { fusionOf } from '../stages.ts'
import { models } from '../world.ts'

interface Flags extends Globals {
  readonly k: readonly number[]
  readonly dataset?: string
  readonly missing?: string
}

const depths = (value: string): number[] => {
  const given = value.split(',').map((one) => positive(one.trim()))
  if (new Set(given).size < given.length) throw new InvalidArgumentError('It must not hold a number twice.')
  return given.toSorted((a, b) => a - b)
}

/** Those that can be graded, by their golds or by their answers. @throws Rejected where there is none */
const gradable = async (paths: readonly string[], { dataset }: Flags, io: Io): Promise<Query[]> => {
  const { hold, say } = remarks(io.screen)
  const all = await queriesOf(paths, { dataset, signal: io.signal, onIgnored: hold })
  const graded = all.filter(({ answers, gold_passage_ids: golds }) => answers.length + golds.length > 0)
  if (graded.length === 0)
    throw new Rejected(
      `${paths.join(', ')}: no query has gold_passage_ids or answers, so there is nothing to grade a search by`,
    )
  say()
  const others = all.length - graded.length
  if (others > 0) io.screen.write(`${others} queries have neither gold_passage_ids nor answers and are left out\n`)
  return graded
}

const measured = async (queries: readonly Query[], stores: Stores, searching: Searching, ks: Report['ks'], io: Io) => {
  const current = await stores.collections.find(undefined, io.signal)
  const bar = progress('queries searched', io.screen)
  const all = await recall(queries, searching, (done, total) => bar.update(done, total))
  bar.end()
  const absent = await absentGolds(queries, searching)
  return { all, ks, absent, collection: current?.name ?? '', passages: await stores.search.count() }
}

const searchingOf = (config: Config, deepest: number, { signal }: Io) => {
  const { depth } = config.retrieve
  return { fuse: fusionOf(config), depth, deepest, signal }
}

const act =
  (io: Io) =>
  async (paths: readonly string[], flags: Flags): Promise<void> => {
    const config = configOf(io, flags)
    const queries = await gradable(paths, flags, io)
    if (!isBegun(config))
      throw new Fatal(`there is no passage to search in ${config.data} yet: gainstream index <corpus> first`)
    const { embedder, stores: open, closeAll } = models(config, io.screen, io.env)
    try {
      const stores = await open()
      await checkSearchable(stores, io.signal)
      const ports = { embedder: await embedder(), search: stores.search }
      const searching = { ...ports, ...searchingOf(config, Math.max(...flags.k), io) }
      const report = await measured(queries, stores, searching, flags.k, io)
      if (flags.missing !== undefined)
        await writeLines(
          flags.missing,
          missing(report.all).map((one) => missingLine(one, report.absent?.absent)),
        )
      io.out(flags.json ? JSON.stringify(asJson(report)) : asText(report))
    } finally {
      await closeAll()
    }
  }

export const recallCommand = (program: Command, io: Io) => {
  const command = program
    .command('recall <queries...>')
    .description(
      'search the current collection for queries with golds: recall@k and has-answer@k, dense, sparse, fused',
    )
    .option('-k, --k <list>', 'how far down the rankings are graded', depths, [1, 5, 20, 100])
    .option('--dataset <name>', 'for queries that name none')
    .option('--missing <file>', 'write the queries whose gold passage a ranking did not find (JSON Lines)')
  withGlobals(command).action(act(io))
}
