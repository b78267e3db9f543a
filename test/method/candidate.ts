import type { Candidate } from '../../schemas/passage.ts'

/** A retrieved candidate with what a test cares for. */
export const candidate = (id: string, rank: number, more: Partial<Candidate> = {}): Candidate => ({
  id,
  title: '',
  text: `text of ${id}`,
  source: 'retrieved',
  rank,
  score: null,
  dense_rank: null,
  dense_score: null,
  sparse_rank: null,
  sparse_score: null,
  given_score: null,
  same_as: [],
  twin_of: null,
  not_available: false,
  ...more,
})

export const ids = (candidates: readonly { readonly id: string }[]): string[] => candidates.map(({ id }) => id)
