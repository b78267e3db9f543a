import { availableParallelism } from 'node:os'
import { workerData } from 'node:worker_threads'
import type { EmbedderIdentity, Near } from '../../method/ports.ts'
import { serve } from '../thread/serve.ts'
import { approximate, type Approximate } from './approximate.ts'
import type { Scored } from './best.ts'
import { openFile, type Row } from './file.ts'
import { graphs } from './graph.ts'
import { growing } from './growing.ts'
import { hold } from './held.ts'

export interface StoreWorker {
  readonly path: string
  readonly encoder: EmbedderIdentity
  /** Where the graph is saved; null: searches are exact. */
  readonly index: {
    readonly path: string
    /** It is asked however small the store is. */
    readonly eager: boolean
    /** For somebody who waits for the whole of it: with all cores. */
    readonly building: boolean
  } | null
}

/** Between looks at what other processes wrote, in milliseconds: a search then finds little left to read. */
const lookEvery = 1000
/** Rows that an index takes in with all cores, between two words of how far it is. */
const slice = 2048

await serve(async () => {
  const { path, encoder, index: wanted } = workerData as StoreWorker
  const { dimension } = encoder
  const make = wanted && graphs(dimension, wanted.building ? availableParallelism() : 1)
  const passages = openFile(path, encoder)
  const index: Approximate | undefined =
    make && wanted
      ? approximate({ path: wanted.path, store: passages.own(), dimension, make, always: wanted.eager })
      : undefined
  const held = hold(passages, dimension, index)
  let seen: unknown
  /** What is true of all passages as one snapshot shows them. */
  const upToDate = <T>(work: () => T): T =>
    passages.reading(() => {
      const version = passages.version()
      if (version !== seen) held.catchUp()
      seen = version
      return work()
    })
  const change = (work: () => void) => {
    work()
    seen = undefined // our own writes do not change the version that we see
    return {}
  }
  const found = (list: readonly Scored[]): Near[] =>
    list.map(({ slot, score }) => ({ passage: passages.passage(held.changeAt(slot)), score }))

  upToDate(() => undefined)
  if (held.removed() > 1000 && held.removed() > held.count() / 4) passages.prune(held.position())
  const grown =
    index && growing({ index, rows: () => held.rows(), last: () => passages.last(), eager: wanted?.eager === true })
  const looking = setInterval(() => {
    try {
      upToDate(() => undefined)
      if (wanted?.building !== true) grown?.look()
    } catch {
      // The next search meets the same failure, and has someone to tell it to.
    }
  }, lookEvery)
  return {
    upsert: (rows: readonly Row[]) => change(() => passages.upsert(rows)),
    remove: (ids: readonly string[]) => change(() => passages.remove(ids)),
    near: (vector: Float32Array, k: number) => {
      const near = () => {
        grown?.begin()
        return found(held.near(vector, k))
      }
      return { value: upToDate(near) }
    },
    match: (text: string, k: number) => ({ value: upToDate(() => found(held.match(text, k))) }),
    holds: (ids: readonly string[]) => ({ value: passages.holds(ids) }),
    count: () => ({ value: upToDate(() => held.count()) }),
    build: () => ({ value: upToDate(() => grown?.build(slice) ?? { done: 0, left: 0 }) }),
    close: () => {
      clearInterval(looking)
      grown?.close()
      passages.close()
      return {}
    },
  }
})
