/** Passages and their vectors in one SQLite file, searched in memory, in a thread of its own. */
import { resolve } from 'node:path'
import type { EmbedderIdentity, PassageStore } from '../../method/ports.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'
import { beside, openThread } from '../thread/thread.ts'
import type { StoreWorker } from './worker.ts'

export interface StoreOptions {
  /** Made where it is absent. Several processes of one machine may use it at once. */
  readonly path: string
  /** Whose vectors it holds; the file remembers, and refuses another encoder. */
  readonly encoder: EmbedderIdentity
  /** flat, the default: each search looks at every vector. hnsw: only at those that a graph finds, which is faster. */
  readonly index?: 'flat' | 'hnsw'
  /** The graph takes in each passage before the next search, and is asked however few there are: for tests. */
  readonly eager?: boolean
}

/** The graph's file, beside the passages. */
export const graphFile = (path: string): string => `${path}.hnsw`

const threadOf = ({ path, encoder, index = 'flat', eager = false }: StoreOptions, building = false) => {
  const place = resolve(path)
  const data: StoreWorker = {
    path: place,
    encoder,
    index: index === 'hnsw' ? { path: graphFile(place), eager, building } : null,
  }
  return openThread({ url: beside(import.meta.url, './worker'), name: `the passage store ${path}`, data })
}

/** Builds the graph of all that is there and saves it. What was saved on the way of an earlier attempt is kept. */
export const buildIndex = async (
  options: StoreOptions,
  signal: AbortSignal,
  onProgress?: (done: number, total: number) => void,
): Promise<void> => {
  const thread = await threadOf({ ...options, index: 'hnsw' }, true)
  try {
    for (let left = Infinity; left > 0;) {
      const built = await thread.call<{ done: number; left: number }>('build', [], signal)
      left = built.left
      onProgress?.(built.done, built.done + left)
    }
  } finally {
    await thread.close()
  }
}

/**
 * Fit for a few hundred thousand passages: the vectors of all are held in memory.
 *
 * @throws Fatal when the file is no passage store or holds another encoder's vectors, and where an index is asked for
 * that cannot be loaded; Unavailable while the file is locked.
 */
export const openStore = async (options: StoreOptions): Promise<PassageStore> => {
  const { path, encoder } = options
  const thread = await threadOf(options)
  const { dimension } = encoder
  return {
    name: resolve(path),
    upsert: async (rows, signal) => {
      for (const { passage, vector } of rows) checkRow(passage, vector, dimension)
      if (rows.length > 0) await thread.call('upsert', [rows], signal)
    },
    remove: async (ids, signal) => {
      if (ids.length > 0) await thread.call('remove', [ids], signal)
    },
    near: async (vector, k, signal) => {
      checkVector('the query', vector, dimension)
      return thread.call('near', [vector, k], signal)
    },
    match: async (text, k, signal) => thread.call('match', [text, k], signal),
    holds: async (ids, signal) => thread.call('holds', [ids], signal),
    count: () => thread.call('count', []),
    close: () => thread.close(),
  }
}

const checkRow = ({ id }: Passage, vector: Float32Array, dimension: number) => {
  if (id === '') throw new Rejected('a passage without an id cannot be stored')
  checkVector(`passage ${id}`, vector, dimension)
}

const checkVector = (of: string, vector: Float32Array, dimension: number) => {
  if (vector.length !== dimension)
    throw new Rejected(`the vector of ${of} has ${vector.length} numbers; this store holds vectors of ${dimension}`)
  if (!vector.every(Number.isFinite))
    throw new Rejected(`the vector of ${of} holds a value that is not a finite number`)
}
