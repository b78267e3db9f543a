import { InvalidArgumentError, type Command } from 'commander'
import { writeLines } from '../../adapters/files/index.ts'
import { openSelector, type OpenedSelector } from '../../adapters/selectors/open.ts'
import type { Selector } from '../../method/ports.ts'
import { Fatal, Rejected } from '../../runtime/errors.ts'
import type { Query } from '../../schemas/query.ts'
import { checkSearchable, isBegun, type Stores } from '../collections.ts'
import { configOf, positive, withGlobals, type Globals, type Io } from '../command.ts'
import type { Config } from '../config.ts'
import { progress, remarks } from '../progress.ts'
import { asJson, asText, missing, missingLine, type Report } from '../recall-report.ts'
import { overlapping } from '../recall-selected.ts'
import { absentGolds, queriesOf, queryFiles, recall, type Searching } from '../recall.ts'
import { fusionOf } from '../stages.ts'
import { models } from '../world.ts'

interface Flags extends Globals {
  readonly k: readonly number[]
  readonly dataset?: string
  readonly missing?: string
  readonly selector: readonly string[]
  readonly candidates?: number
  readonly withoutOverlap?: boolean
}

const depths = (value: string): number[] => {
  const given = value.split(',').map((one) => positive(one.trim()))
  if (new Set(given).size < given.length) throw new InvalidArgumentError('It must not hold a number twice.')
  return given.toSorted((a, b) => a - b)
}

/** Those that can be graded, by their golds or by their answers. @throws Rejected where there is none */
const gradable = async (paths: readonly string[], { dataset, withoutOverlap }: Flags, io: Io): Promise<Query[]> => {
  const { hold, say } = remarks(io.screen)
  const read = await queriesOf(paths, { dataset, signal: io.signal, onIgnored: hold })
  const overlap = withoutOverlap ? overlapping(queryFiles(paths)) : new Set<string>()
  const all = read.filter(({ id }) => !overlap.has(id))
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
  const { choosing } = searching
  const names = choosing?.selectors.map(({ identity }) => `${identity.name} ${identity.sha256.slice(0, 12)}`)
  const selected = choosing && names && { names, candidates: choosing.candidates }
  return { all, ks, absent, selected, collection: current?.name ?? '', passages: await stores.search.count() }
}

/** Opened one after the other; what was opened is closed whatever happens. */
const withSelectors = async <T>(
  config: Config,
  { selector: folders }: Flags,
  { signal }: Io,
  use: (selectors: readonly OpenedSelector[]) => Promise<T>,
): Promise<T> => {
  const { device, threads, workers } = config.selector
  const providers = device === 'cuda' ? ['cuda', 'cpu'] : ['cpu']
  const running = { threads: threads ?? undefined, workers: workers ?? undefined, providers }
  const selectors: OpenedSelector[] = []
  try {
    for (const folder of folders) selectors.push(await openSelector(folder, running, signal))
    return await use(selectors)
  } finally {
    for (const selector of selectors) await selector.close?.()
  }
}

const searchingOf = (config: Config, flags: Flags, selectors: readonly Selector[], { signal }: Io) => {
  const { depth, k } = config.retrieve
  const choosing = selectors.length > 0 ? { selectors, candidates: flags.candidates ?? k } : undefined
  return { fuse: fusionOf(config), depth, deepest: Math.max(...flags.k), choosing, signal }
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
      const report = await withSelectors(config, flags, io, (selectors) =>
        measured(queries, stores, { ...ports, ...searchingOf(config, flags, selectors, io) }, flags.k, io),
      )
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

const collect = (value: string, before: readonly string[]) => [...before, value]

export const recallCommand = (program: Command, io: Io) => {
  const command = program
    .command('recall <queries...>')
    .description(
      'search the current collection for queries with golds: recall@k and has-answer@k, dense, sparse, fused',
    )
    .option('-k, --k <list>', 'how far down the rankings are graded', depths, [1, 5, 20, 100])
    .option('--dataset <name>', 'for queries that name none')
    .option('--selector <folder>', 'what it chooses among the fused candidates; may be repeated', collect, [])
    .option('--candidates <n>', 'among how many a selector chooses (default: retrieve.k)', positive)
    .option('--without-overlap', 'leave out queries whose line says "train_overlap": true')
    .option('--missing <file>', 'write the queries whose gold passage a ranking did not find (JSON Lines)')
  withGlobals(command).action(act(io))
}
