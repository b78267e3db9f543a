/**
 * A corpus with vectors that were computed already becomes a collection, straight into the store: millions of rows need
 * no stream, since nothing is computed for them. How far it is stands in the collection's manifest, after the rows that
 * it speaks of: a load that was killed goes on there, and puts what was in its hands where it was before.
 */
import { readPassages } from '../adapters/files/index.ts'
import { openVectors, type Vectors } from '../adapters/vectors/index.ts'
import { collectionName } from '../method/collection.ts'
import type { PassageRow, PassageStore } from '../method/ports.ts'
import { Fatal } from '../runtime/errors.ts'
import type { Passage } from '../schemas/passage.ts'
import { beginning } from './collections.ts'
import type { Io } from './command.ts'
import { defaultName, passageFile, survey } from './import.ts'
import { sealed } from './indexing.ts'
import { progress } from './progress.ts'
import { Interrupted } from './work.ts'
import type { World } from './world.ts'

export interface Loading {
  /** Of the corpus. */
  readonly path: string
  /** File or folder. */
  readonly embeddings: string
  /** Names the collection (default: from the file). */
  readonly run?: string | undefined
  /** Only the first so many passages. */
  readonly limit?: number | undefined
  readonly promote: boolean
}

export interface Loaded {
  readonly collection: string
  readonly passages: number
  readonly current: boolean
}

/** Rows of one write, and milliseconds between notes of how far it is. */
const [mostRows, noteEvery] = [1_000, 1_000]

/** @throws Fatal where corpus and vectors cannot belong together */
const checkVectors = (vectors: Vectors, { path, limit }: Loading, count: number, dimension: number) => {
  if (vectors.dimension !== dimension)
    throw new Fatal(
      `${vectors.path} has vectors of ${vectors.dimension} numbers, and the encoder in use makes ${dimension}: questions ` +
        'must be embedded by the encoder that the passages were embedded with (encoder.model)',
    )
  if (limit === undefined ? vectors.rows === count : vectors.rows >= count) return
  throw new Fatal(`${vectors.path} has ${vectors.rows} vectors and ${path} ${count} passages: each passage needs one`)
}

const pairedAt = (path: string, vectors: Vectors, at: number, passage: Passage, id: string | undefined) => {
  if (id === undefined || id === passage.id) return
  throw new Fatal(
    `row ${at + 1} of ${vectors.path} is of passage ${id}, but passage ${at + 1} of ${path} is ${passage.id}: both must ` +
      'be in the same order',
  )
}

/** Passages with their vectors, from row `from` on. */
async function* rowsOf(path: string, vectors: Vectors, from: number, signal: AbortSignal): AsyncGenerator<PassageRow> {
  const passages = readPassages(path, { signal })
  for (let skipped = 0; skipped < from; skipped++) await passages.next()
  try {
    for await (const block of vectors.blocks(from, signal)) {
      for (let i = 0; i < block.rows; i++) {
        const next = await passages.next()
        if (next.done) return
        const { value: passage } = next.value
        pairedAt(path, vectors, block.from + i, passage, block.ids?.[i])
        yield { passage, vector: block.vectors.subarray(i * vectors.dimension, (i + 1) * vectors.dimension) }
      }
    }
  } finally {
    await passages.return(undefined)
  }
}

/** Writes one batch while the next one is read. `reached` hears of how many rows are stored. */
const writing = (store: PassageStore, from: number, reached: (rows: number) => Promise<void>) => {
  let rows: PassageRow[] = []
  let done = from
  let before: Promise<void> = Promise.resolve()
  const flush = async () => {
    await before
    const batch = rows
    rows = []
    before = store.upsert(batch, new AbortController().signal).then(async () => {
      done += batch.length
      await reached(done)
    })
    before.catch(() => {}) // heard of at the next flush
  }
  return {
    add: async (row: PassageRow) => {
      if (rows.push(row) >= mostRows) await flush()
    },
    end: async () => {
      if (rows.length > 0) await flush()
      await before
      return done
    },
  }
}

/** @throws Fatal, Rejected with a sentence about the files; Interrupted */
export const loadCorpus = async (world: World, io: Io, loading: Loading): Promise<Loaded> => {
  const { path, embeddings, limit, promote } = loading
  const vectors = await openVectors(embeddings, { signal: io.signal })
  const [{ identity }, stores] = [await world.embedder(), await world.stores()]
  const { collections, alias } = stores
  const file = { path, kind: passageFile, run: loading.run, topology: 'indexing', limit } as const
  const surveyed = await survey(file, io)
  checkVectors(vectors, loading, surveyed.count, identity.dimension)
  const name = collectionName(alias, loading.run ?? defaultName(surveyed, 'indexing'))
  const { sha256, count } = surveyed
  await collections.create(name, beginning(identity, { sha256, count }), io.signal)
  const { manifest } = (await collections.find(name, io.signal))!
  if (manifest.corpus?.sha256 !== sha256)
    throw new Fatal(`the collection ${name} was made from another corpus: give this one another name with --run`)
  if (manifest.state === 'building') {
    await filled(
      loading,
      { name, count, from: manifest.loaded, vectors, store: await stores.open(name, io.signal) },
      world,
      io,
    )
    await sealed(name, collections, io)
    if (promote) await collections.promote(name, io.signal)
  }
  const current = (await collections.find(name, io.signal))?.current ?? false
  return { collection: name, passages: await collections.count(name, io.signal), current }
}

interface Filling {
  readonly name: string
  readonly count: number
  readonly from: number
  readonly vectors: Vectors
  readonly store: PassageStore
}

const filled = async (
  { path }: Loading,
  { name, count, from, vectors, store }: Filling,
  world: World,
  io: Io,
): Promise<void> => {
  const { collections } = await world.stores()
  const bar = progress('loading passages', io.screen)
  let noted = performance.now()
  const never = new AbortController().signal
  const note = (loaded: number) => collections.note(name, { loaded }, never)
  const write = writing(store, from, async (rows) => {
    bar.update(rows, count)
    if (performance.now() - noted < noteEvery) return
    noted = performance.now()
    await note(rows)
  })
  bar.update(from, count)
  let at = from
  for await (const row of rowsOf(path, vectors, from, never)) {
    if (io.signal.aborted || at >= count) break
    await write.add(row)
    at++
  }
  await note(await write.end())
  bar.end()
  if (io.signal.aborted) throw new Interrupted('stopped; the same command goes on from here')
}
