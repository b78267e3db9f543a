/** A corpus becomes a collection: built whole before anybody searches it, or added to the one that is current. */
import { collectionName } from '../method/collection.ts'
import type { CollectionManifest, Collections } from '../method/ports.ts'
import { Fatal } from '../runtime/errors.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Passage } from '../schemas/passage.ts'
import { beginning, type Stores } from './collections.ts'
import type { Io } from './command.ts'
import { bring, defaultName, type Import, type Surveyed } from './import.ts'
import { progress } from './progress.ts'
import { runEntry, runState } from './runs.ts'
import { work } from './work.ts'
import type { World } from './world.ts'

export interface Indexing {
  readonly file: Import<Passage>
  readonly surveyed: Surveyed
  /** Into a collection of its own, beside the current one, which it replaces when it is whole. */
  readonly anew?: boolean | undefined
  /** It replaces nothing by itself. */
  readonly promote?: boolean | undefined
  readonly what?: string
}

/** The collection of the run: its own, where it is the first or was asked for; empty: it adds to the current one. */
const collectionFor = async (world: World, { alias, collections }: Stores, run: string, anew: boolean, io: Io) => {
  const known = await runEntry(world, run)
  if (known) return known.collection
  const own = anew || !(await collections.find(undefined, io.signal))
  return own ? collectionName(alias, run) : ''
}

/** What every whole collection is: as many passages as its corpus has, without those that were rejected. */
const checkWhole = (name: string, count: number, expected: number) => {
  if (count >= expected) return
  throw new Fatal(
    `the collection ${name} holds ${count} passages instead of ${expected}: somebody removed some while it was built; ` +
      'index again with --anew and another --run',
  )
}

/** What makes searches fast is built, and nothing more is missing. */
export const sealed = async (name: string, collections: Collections, io: Io): Promise<void> => {
  const bar = progress('building the index', io.screen)
  await collections.seal(name, io.signal, (done, total) => bar.update(done, total))
  bar.end()
}

/** Builds what a whole collection needs for searches, and puts it in force. */
const finish = async (entry: RunEntry, expected: number, stores: Stores, promote: boolean, io: Io) => {
  const { collection: name } = entry
  const found = await stores.collections.find(name, io.signal)
  if (!found || found.manifest.state === 'ready') return
  checkWhole(name, await stores.collections.count(name, io.signal), expected)
  await sealed(name, stores.collections, io)
  if (promote) await stores.collections.promote(name, io.signal)
}

/** Brings a corpus in and works until all of it is indexed; the same again goes on where it ended. */
export const indexCorpus = async (world: World, io: Io, indexing: Indexing): Promise<RunEntry> => {
  const { file, surveyed, anew = false, promote = true, what = 'indexing' } = indexing
  const stores = await world.stores()
  const run = file.run ?? defaultName(surveyed, file.topology)
  const collection = await collectionFor(world, stores, run, anew, io)
  if (collection !== '') {
    const { identity } = await world.embedder()
    const corpus: CollectionManifest['corpus'] = { sha256: surveyed.sha256, count: surveyed.count }
    await stores.collections.create(collection, beginning(identity, corpus), io.signal)
  }
  const entry = await bring(world, io, { ...file, run, collection }, surveyed)
  await work(world, { stages: ['index'], entry, what, untilEmpty: true }, io.signal)
  const { complete, rejected } = await runState(world, entry)
  if (complete && entry.collection !== '') await finish(entry, surveyed.count - rejected, stores, promote, io)
  return entry
}
