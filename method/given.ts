/** Candidates that somebody else's search found. */
import type { Candidate, Passage } from '../schemas/passage.ts'
import { unranked } from './unranked.ts'

/** A passage of a list, with what its finder made of it: the scale of scores is the finder's own. */
export type Given = Passage & { readonly score: number | null }

/** The order of a list is its ranking, whatever its scores say. */
export const givenCandidates = (list: readonly Given[]): Candidate[] =>
  list.map(({ id, title, text, score }, i) => ({
    ...{ id, title, text, source: 'given' },
    ...unranked,
    ...{ rank: i + 1, score, given_score: score },
  }))
