import { workerData } from 'node:worker_threads'
import type { EmbedderIdentity, Near } from '../../method/ports.ts'
import { serve } from '../thread/serve.ts'
import type { Scored } from './best.ts'
import { openFile, type Row } from './file.ts'
import { hold } from './held.ts'

export interface StoreWorker {
  readonly path: string
  readonly encoder: EmbedderIdentity
}

/** Between looks at what other processes wrote, in milliseconds: a search then finds little left to read. */
const lookEvery = 1000

await serve(async () => {
  const { path, encoder } = workerData as StoreWorker
  const passages = openFile(path, encoder)
  const held = hold(passages, encoder.dimension)
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
  const looking = setInterval(() => {
    try {
      upToDate(() => undefined)
    } catch {
      // The next search meets the same failure, and has someone to tell it to.
    }
  }, lookEvery)
  return {
    upsert: (rows: readonly Row[]) => change(() => passages.upsert(rows)),
    remove: (ids: readonly string[]) => change(() => passages.remove(ids)),
    near: (vector: Float32Array, k: number) => ({ value: upToDate(() => found(held.near(vector, k))) }),
    match: (text: string, k: number) => ({ value: upToDate(() => found(held.match(text, k))) }),
    count: () => ({ value: upToDate(() => held.count()) }),
    close: () => {
      clearInterval(looking)
      passages.close()
      return {}
    },
  }
})
