/** The candidates of a query: what was retrieved, each passage once, and the pseudo-passage. */
import type { PseudoPassage } from '../schemas/draft.ts'
import type { Candidate } from '../schemas/passage.ts'
import type { Query } from '../schemas/query.ts'
import { normalise } from './normalise.ts'
import { markTwins } from './twins.ts'
import { unranked } from './unranked.ts'

/** What happens to a pseudo-passage that says N/A: the published code keeps it. */
export type NotAvailable = 'keep' | 'drop'

export interface CandidateOptions {
  /** At most so many retrieved passages, counted after equal ones became one. */
  readonly limit?: number
  readonly notAvailable?: NotAvailable
}

/** True where a pseudo-passage says that the reader does not know: normalised text `na`, or nothing at all. */
export const saysNotAvailable = (text: string, lang = 'en'): boolean => ['', 'na'].includes(normalise(text, lang))

const byRank = (candidates: readonly Candidate[]): Candidate[] => [...candidates].sort((a, b) => a.rank - b.rank)

const withCopy = (kept: Candidate, copy: Candidate): Candidate => {
  const ids = new Set([...kept.same_as, copy.id, ...copy.same_as])
  ids.delete(kept.id)
  return { ...kept, same_as: [...ids] }
}

/**
 * Candidates that are equal after normalising (title and text), or have one id, are one: the best rank stays with its
 * place, the ids of the others stand in `same_as`. Best rank first; ranks are not counted anew.
 */
export const distinctCandidates = (candidates: readonly Candidate[], lang = 'en'): Candidate[] => {
  const kept: Candidate[] = []
  const known = new Map<string, number>()
  for (const candidate of byRank(candidates)) {
    const keys = [`id ${candidate.id}`, `text ${normalise(candidate.title, lang)}\n${normalise(candidate.text, lang)}`]
    const at = keys.map((key) => known.get(key)).find((place) => place !== undefined) ?? kept.length
    const first = kept[at]
    kept[at] = first ? withCopy(first, candidate) : candidate
    for (const key of keys) if (!known.has(key)) known.set(key, at)
  }
  return kept
}

/** The pseudo-passage as a candidate like any other: no title, last rank, flagged where it says N/A. */
export const generatedCandidate = (
  pseudo: Pick<PseudoPassage, 'text' | 'not_available'>,
  { id, rank, lang = 'en' }: { id: string; rank: number; lang?: string },
): Candidate => ({
  id,
  title: '',
  text: pseudo.text,
  source: 'generated',
  ...unranked,
  rank,
  not_available: pseudo.not_available || saysNotAvailable(pseudo.text, lang),
})

/**
 * All candidates of a query, best rank first: the retrieved ones without copies, up to the limit, then the
 * pseudo-passage (id `generated:<query id>`) if there is one; near-copies are marked. Fewer than asked for is normal.
 */
export const assembleCandidates = (
  query: Pick<Query, 'id' | 'lang'>,
  found: readonly Candidate[],
  pseudo: Pick<PseudoPassage, 'text' | 'not_available'> | null,
  { limit = Infinity, notAvailable = 'drop' }: CandidateOptions = {},
): Candidate[] => {
  const retrieved = distinctCandidates(found, query.lang).slice(0, limit)
  if (pseudo === null) return markTwins(retrieved, query.lang)
  const rank = retrieved.reduce((last, candidate) => Math.max(last, candidate.rank), 0) + 1
  const generated = generatedCandidate(pseudo, { id: `generated:${query.id}`, rank, lang: query.lang })
  const dropped = generated.not_available && notAvailable === 'drop'
  const all = dropped ? retrieved : distinctCandidates([...retrieved, generated], query.lang)
  return markTwins(all, query.lang)
}
