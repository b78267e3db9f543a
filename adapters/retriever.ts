/** Finds candidates by meaning, by words, or by both rankings fused. */
import { candidatesOf, fuse } from '../method/fusion.ts'
import type { Embedder, Hint, Near, PassageSearch, Retriever } from '../method/ports.ts'
import type { Candidate } from '../schemas/passage.ts'

export type Mode = 'dense' | 'sparse' | 'fused'

/** One ranking out of two, each best first. */
export type Fuse = (dense: readonly Near[], sparse: readonly Near[], limit: number) => Candidate[]

export interface RetrieverOptions {
  readonly embedder: Embedder
  readonly store: PassageSearch
  readonly mode: Mode
  /** How far down each ranking is read before two are fused; at least the number of candidates asked for. */
  readonly depth?: number | undefined
  /** Default: reciprocal ranks. */
  readonly fuse?: Fuse
}

const byRanks: Fuse = (dense, sparse, limit) => fuse(dense, sparse, { limit })

export const retriever = ({
  embedder,
  store,
  mode,
  depth = 100,
  fuse: fused = byRanks,
}: RetrieverOptions): Retriever => {
  const dense = async (question: string, k: number, signal: AbortSignal, hint?: Hint) => {
    const [vector] = await embedder.embed([question], 'query', signal, hint)
    return vector === undefined ? [] : store.near(vector, k, signal)
  }
  const sparse = (question: string, k: number, signal: AbortSignal) => store.match(question, k, signal)
  return {
    retrieve: async (question, k, signal, hint) => {
      if (mode === 'dense') return candidatesOf(await dense(question, k, signal, hint), 'dense', k)
      if (mode === 'sparse') return candidatesOf(await sparse(question, k, signal), 'sparse', k)
      const reach = Math.max(k, depth)
      const [near, match] = await Promise.all([dense(question, reach, signal, hint), sparse(question, reach, signal)])
      return fused(near, match, k)
    },
  }
}
