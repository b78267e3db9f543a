/** Reciprocal rank fusion (Cormack et al., 2009) of a dense and a sparse ranking. */
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

/** One ranking out of two: score = Σ 1 / (k + rank) over the lists that hold the passage. Lists are best first. */
export const fuse = (
  dense: readonly Near[],
  sparse: readonly Near[],
  { k = 60, limit = Infinity }: FusionOptions = {},
): Candidate[] => {
  const found = new Map<string, Candidate>()
  note(found, dense, 'dense')
  note(found, sparse, 'sparse')
  const scored = [...found.values()].map((candidate) => ({
    ...candidate,
    score: 1 / (k + place(candidate.dense_rank)) + 1 / (k + place(candidate.sparse_rank)),
  }))
  return ranked(scored.sort(byScore), limit)
}

/** A single ranking as candidates: the score is that of its own list. */
export const candidatesOf = (list: readonly Near[], ranking: Ranking, limit = Infinity): Candidate[] => {
  const found = new Map<string, Candidate>()
  note(found, list, ranking)
  const own = [...found.values()].map((candidate) => ({ ...candidate, score: candidate[`${ranking}_score`] }))
  return ranked(own, limit)
}
