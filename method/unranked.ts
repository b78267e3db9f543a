import type { Candidate } from '../schemas/passage.ts'

/** What is not known of a candidate before any ranking has seen it. */
export const unranked: Omit<Candidate, 'id' | 'title' | 'text' | 'source'> = {
  rank: 0,
  score: null,
  dense_rank: null,
  dense_score: null,
  sparse_rank: null,
  sparse_score: null,
  given_score: null,
  same_as: [],
  twin_of: null,
  not_available: false,
}
