/** A corpus becomes a collection: built whole before anybody searches it, or added to the one that is current. */
import { collectionName } from '../method/collection.ts'
import { passageText } from '../method/prompt.ts'
import type { CollectionManifest, Collections } from '../method/ports.ts'
import { Fatal } from '../runtime/errors.ts'
import type { RunEntry } from '../schemas/control.ts'
import type { Passage } from '../schemas/passage.ts'
import { beginning, type Stores } from './collections.ts'
import type { Io } from './command.ts'
import { bring, defaultName, type Import, type Surveyed } from './import.ts'
import { progress } from './progress.ts'
import { readRejects } from './rejects.ts'
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

const asked = 500

/**
 * Puts in again what the store has acknowledged and lost: Milvus Lite does where a writer dies in the middle of a write
 * and another one begins.
 * @param without what was never in it, because it was rejected
 * @returns how many passages that were
 */
const mended = async (world: World, { file }: Indexing, name: string, without: ReadonlySet<string>, io: Io) => {
  const [stores, embedder] = [await world.stores(), await world.embedder()]
  const store = await stores.open(name, io.signal)
  let [again, batch] = [0, [] as Passage[]]
  const put = async () => {
    const ids = batch.map(({ id }) => id)
    const there = new Set((await store.holds?.(ids, io.signal)) ?? ids)
    const lost = batch.filter(({ id }) => !there.has(id) && !without.has(id))
    const vectors = await embedder.embed(lost.map(passageText), 'passage', io.signal)
    await store.upsert(
      lost.map((passage, i) => ({ passage, vector: vectors[i]! })),
      io.signal,
    )
    again += lost.length
    batch = []
  }
  let read = 0
  for await (const { value } of file.kind.read(file.path, { signal: io.signal })) {
    if (batch.push(value) === asked) await put()
    if (++read >= (file.limit ?? Infinity)) break
  }
  await put()
  return again
}

/** Ids of the passages of a run that did not get as far as the store. */
const rejectedOf = async (world: World, run: string): Promise<ReadonlySet<string>> => {
  const all = await readRejects(world)
  return new Set(all.filter((one) => one.run === run && !one.resolved).map(({ key }) => key))
}

/** As many passages as its corpus has. @throws Fatal where some are missing and cannot be put in again */
const checkWhole = async (
  world: World,
  indexing: Indexing,
  { run, collection: name }: RunEntry,
  rejected: number,
  io: Io,
) => {
  const { collections } = await world.stores()
  const expected = indexing.surveyed.count - rejected
  const count = async () => (await collections.count(name, io.signal)) >= expected
  if (await count()) return
  const without = rejected > 0 ? await rejectedOf(world, run) : new Set<string>()
  const again = await mended(world, indexing, name, without, io)
  if (again > 0) io.screen.write(`${again} passages that the store had taken were not in it, and were put in again\n`)
  if (await count()) return
  throw new Fatal(
    `the collection ${name} holds fewer passages than the ${expected} of its corpus: somebody removed some while it was ` +
      `built; gainstream index ${indexing.file.path} --anew --run <another name> builds another one`,
  )
}

/** What makes searches fast is built, and nothing more is missing. */
export const sealed = async (name: string, collections: Collections, io: Io): Promise<void> => {
  const bar = progress('building the index', io.screen)
  await collections.seal(name, io.signal, (done, total) => bar.update(done, total))
  bar.end()
}

/** Builds what a whole collection needs for searches, and puts it in force. */
const finish = async (world: World, indexing: Indexing, entry: RunEntry, rejected: number, io: Io) => {
  const { collection: name } = entry
  const { collections } = await world.stores()
  const found = await collections.find(name, io.signal)
  if (!found || found.manifest.state === 'ready') return
  await checkWhole(world, indexing, entry, rejected, io)
  await sealed(name, collections, io)
  if (indexing.promote ?? true) await collections.promote(name, io.signal)
}

/** Brings a corpus in and works until all of it is indexed; the same again goes on where it ended. */
export const indexCorpus = async (world: World, io: Io, indexing: Indexing): Promise<RunEntry> => {
  const { file, surveyed, anew = false, what = 'indexing' } = indexing
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
  if (complete && entry.collection !== '') await finish(world, indexing, entry, rejected, io)
  return entry
}
