/** One ranking out of a dense and a sparse one: by reciprocal ranks (Cormack et al., 2009), or by weighted scores. */
import type { Candidate } from '../schemas/passage.ts'
import type { Near } from './ports.ts'
import { unranked } from './unranked.ts'

export interface FusionOptions {
  /** How slowly the weight of a rank falls. */
  readonly k?: number
  /** At most so many candidates. */
  readonly limit?: number
}

const retrieved = ({ passage: { id, title, text } }: Near): Candidate => ({
  id,
  title,
  text,
  source: 'retrieved',
  ...unranked,
})

type Ranking = 'dense' | 'sparse'

/** Ranks from 1; of an id that a list holds twice the first place counts. */
const note = (found: Map<string, Candidate>, list: readonly Near[], ranking: Ranking): void => {
  const seen = new Set<string>()
  list.forEach((near, i) => {
    const { id } = near.passage
    if (seen.has(id)) return
    seen.add(id)
    const known = found.get(id) ?? retrieved(near)
    found.set(id, { ...known, [`${ranking}_rank`]: i + 1, [`${ranking}_score`]: near.score })
  })
}

const place = (rank: number | null): number => rank ?? Infinity

/** Best first; ties go to the better dense rank, then to the better sparse rank. */
const byScore = (a: Candidate, b: Candidate): number =>
  (b.score ?? 0) - (a.score ?? 0) ||
  Math.sign(place(a.dense_rank) - place(b.dense_rank) || 0) ||
  Math.sign(place(a.sparse_rank) - place(b.sparse_rank) || 0)

const ranked = (candidates: readonly Candidate[], limit: number): Candidate[] =>
  candidates.slice(0, limit).map((candidate, i) => ({ ...candidate, rank: i + 1 }))

type Scoring = (candidate: Candidate) => number

const fused = (dense: readonly Near[], sparse: readonly Near[], limit: number, score: Scoring): Candidate[] => {
  const found = new Map<string, Candidate>()
  note(found, dense, 'dense')
  note(found, sparse, 'sparse')
  const scored = [...found.values()].map((candidate) => ({ ...candidate, score: score(candidate) }))
  return ranked(scored.sort(byScore), limit)
}

/** One ranking out of two: score = Σ 1 / (k + rank) over the lists that hold the passage. Lists are best first. */
export const fuse = (
  dense: readonly Near[],
  sparse: readonly Near[],
  { k = 60, limit = Infinity }: FusionOptions = {},
): Candidate[] =>
  fused(
    dense,
    sparse,
    limit,
    ({ dense_rank, sparse_rank }) => 1 / (k + place(dense_rank)) + 1 / (k + place(sparse_rank)),
  )

export interface WeightOptions {
  /** Of the dense ranking, from 0 to 1; the rest is that of the sparse one. */
  readonly weight: number
  /** At most so many candidates. */
  readonly limit?: number
}

/** A list's scores from 0, its last, to 1, its best; what it does not hold has 0. */
const scaled = (list: readonly Near[]): ((score: number | null) => number) => {
  const scores = list.map(({ score }) => score)
  const [least, most] = [Math.min(...scores), Math.max(...scores)]
  return (score) => (score === null ? 0 : most === least ? 1 : (score - least) / (most - least))
}

/** One ranking out of two: weight · dense score + (1 − weight) · sparse score, each scaled to 0…1 over its own list. */
export const weigh = (
  dense: readonly Near[],
  sparse: readonly Near[],
  { weight, limit = Infinity }: WeightOptions,
): Candidate[] => {
  const [ofDense, ofSparse] = [scaled(dense), scaled(sparse)]
  return fused(
    dense,
    sparse,
    limit,
    ({ dense_score, sparse_score }) => weight * ofDense(dense_score) + (1 - weight) * ofSparse(sparse_score),
  )
}

/** A single ranking as candidates: the score is that of its own list. */
export const candidatesOf = (list: readonly Near[], ranking: Ranking, limit = Infinity): Candidate[] => {
  const found = new Map<string, Candidate>()
  note(found, list, ranking)
  const own = [...found.values()].map((candidate) => ({ ...candidate, score: candidate[`${ranking}_score`] }))
  return ranked(own, limit)
}
