/**
 * A graph of vectors that finds near ones without looking at all (HNSW; Malkov and Yashunin, 2018), as usearch keeps it.
 * Its own scores are not used: vectors lie in it with half the precision.
 */
import { createRequire } from 'node:module'
import type * as Usearch from 'usearch'
import { Fatal, sentence } from '../../runtime/errors.ts'

export interface Graph {
  size(): number
  /** Vectors one after the other; keys are above 0, and none is there already. */
  add(keys: readonly number[], vectors: Float32Array): void
  /** Keys of vectors with large inner products; mostly the largest, mostly best first, at most `wanted`. */
  near(vector: Float32Array, wanted: number): number[]
  save(path: string): void
  load(path: string): void
}

/**
 * Links of a vector, and how widely it looks around for them. Twice what is usual: vectors of different lengths have
 * some among them that few links lead to, because an inner product is no distance.
 */
const connectivity = 32
const expansion = 256
/** Names what a saved graph was made with: one that was made otherwise is made anew. */
export const graphKind = `usearch 2, ip, f16, ${connectivity} links, ${expansion} looked at`

/** @throws Fatal where usearch is not installed, or has no build for this system. */
const loaded = (from: string): typeof Usearch => {
  try {
    // Its ES modules call what loads native code over and over, until the stack is full.
    return createRequire(from)('usearch') as typeof Usearch
  } catch (error) {
    const why = sentence(error).split('\n')[0] ?? ''
    throw new Fatal(
      `store.index: hnsw needs the package usearch, which cannot be loaded (${why}): ` +
        'npm install --ignore-scripts usearch@2, or choose store.index: flat',
      { cause: error },
    )
  }
}

/**
 * What makes empty graphs.
 * @param threads that take part in each `add`: the library makes room for so many, and fails where others come later
 * @param from the module on whose behalf the package is looked for
 */
export const graphs = (dimension: number, threads: number, from = import.meta.url): (() => Graph) => {
  const { Index, MetricKind, ScalarKind } = loaded(from)
  return () =>
    graph(
      new Index({
        dimensions: dimension,
        metric: MetricKind.IP,
        quantization: ScalarKind.F16,
        connectivity,
        expansion_add: expansion,
        expansion_search: 64,
        multi: false,
      }),
      threads,
    )
}

const graph = (index: Usearch.Index, threads: number): Graph => ({
  size: () => Number(index.size()),
  add: (keys, vectors) => index.add(BigUint64Array.from(keys, BigInt), vectors, threads),
  near: (vector, wanted) => {
    if (Number(index.size()) === 0) return []
    const { keys } = index.search(vector, wanted, 1)
    return Array.from(keys, Number)
  },
  save: (path) => index.save(path),
  load: (path) => index.load(path),
})
