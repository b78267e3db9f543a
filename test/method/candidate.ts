import { unranked } from '../../method/unranked.ts'
import type { Candidate } from '../../schemas/passage.ts'

/** A retrieved candidate with what a test cares for. */
export const candidate = (id: string, rank: number, more: Partial<Candidate> = {}): Candidate => ({
  id,
  title: '',
  text: `text of ${id}`,
  source: 'retrieved',
  ...unranked,
  rank,
  ...more,
})

export const ids = (candidates: readonly { readonly id: string }[]): string[] => candidates.map(({ id }) => id)
