import type { Command } from 'commander'
import type { RunEntry } from '../../schemas/control.ts'
import { configOf, inWorld, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { passageFile, survey } from '../import.ts'
import { indexCorpus } from '../indexing.ts'
import { loadCorpus } from '../loading.ts'
import { runState } from '../runs.ts'
import { openTopics } from '../streams.ts'

interface Flags extends Globals {
  readonly run?: string
  readonly limit?: number
  readonly anew?: boolean
  readonly embeddings?: string
  readonly promote: boolean
}

interface About {
  readonly collection: string
  readonly current: boolean
  readonly stored: number
}

const asideOf = ({ collection, current }: Pick<About, 'collection' | 'current'>) =>
  current ? '' : `, which is not the current one: gainstream collections promote ${collection}`

const said = ({ count }: RunEntry, indexed: number, { collection, current, stored }: About) => {
  return `indexed ${indexed} of ${count} passages; the store holds ${stored} in ${collection}${asideOf({ collection, current })}`
}

/** What is not in the store, and how it gets there. */
const afterwards = (rejected: number, run: string) =>
  `${rejected} were rejected and are not in the store: gainstream rejects list --run ${run} says why; when that is mended, ` +
  `gainstream rejects retry --run ${run} --execute --work puts them in, or the mended file under another --run does\n`

const load = (io: Io, path: string, embeddings: string, flags: Flags) =>
  inWorld(configOf(io, flags), io, async (opened) => {
    const { run, limit, promote } = flags
    const { collection, passages, current } = await loadCorpus(opened, io, { path, embeddings, run, limit, promote })
    if (flags.json) return io.out(JSON.stringify({ collection, current, stored: passages, passages }))
    io.out(`loaded ${passages} passages into ${collection}${asideOf({ collection, current })}`)
  })

const act = (io: Io) => async (path: string, flags: Flags) => {
  if (flags.embeddings !== undefined) return load(io, path, flags.embeddings, flags)
  const config = configOf(io, flags)
  const file = { path, kind: passageFile, run: flags.run, topology: 'indexing', limit: flags.limit } as const
  const surveyed = await survey(file, io)
  await inWorld(config, io, async (opened) => {
    await opened.observing.serve()
    const world = await openTopics(opened)
    const { anew, promote } = flags
    const entry = await indexCorpus(world, io, { file, surveyed, anew, promote })
    const { outcomes, rejected } = await runState(world, entry)
    const { collections } = await world.stores()
    const found = await collections.find(entry.collection || undefined, io.signal)
    const { name: collection = '', current = false } = found ?? {}
    const stored = await collections.count(collection, io.signal)
    const about = { run: entry.run, stream: world.names.stream, collection, current, stored }
    if (flags.json) io.out(JSON.stringify({ ...about, passages: entry.count, outcomes, rejected }))
    else io.out(said(entry, outcomes.indexed ?? 0, about))
    if (rejected > 0) io.screen.write(afterwards(rejected, entry.run))
  })
}

export const indexCommand = (program: Command, io: Io) => {
  const command = program
    .command('index <corpus>')
    .description('embed the passages of a file and put them into the store')
    .option('--run <name>', 'name of this import (default: from the file)')
    .option('--anew', 'build a collection beside the current one, and let it take its place when it is whole')
    .option('--no-promote', 'let it take no place by itself')
    .option(
      '--embeddings <path>',
      'vectors that are there already, in the order of the corpus: .npy, .fvecs, Parquet, or pickled shards',
    )
    .option('--limit <n>', 'only the first n passages', positive)
  withGlobals(command).action(act(io))
}
