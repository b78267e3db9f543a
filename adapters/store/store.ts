/** Passages and their vectors in one SQLite file, searched exactly in memory, in a thread of its own. */
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
}

/**
 * Fit for a few hundred thousand passages: the vectors of all are held in memory, those of a search compared one by one.
 *
 * @throws Fatal when the file is no passage store or holds another encoder's vectors; Unavailable while it is locked.
 */
export const openStore = async ({ path, encoder }: StoreOptions): Promise<PassageStore> => {
  const name = `the passage store ${path}`
  const data: StoreWorker = { path: resolve(path), encoder }
  const thread = await openThread({ url: beside(import.meta.url, './worker'), name, data })
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
