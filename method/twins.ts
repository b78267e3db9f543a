/** Near-copies among the candidates of a query: corpora hold the same paragraph in several versions. */
import type { Candidate } from '../schemas/passage.ts'
import { normalise, wordsOf } from './normalise.ts'

const size = 8

/** Two passages are near-copies where they share this part of the 8-grams of the one that has more of them. */
const share = 0.8

/** Distinct runs of eight normalised words; a shorter text is one run, an empty one none. */
const gramsOf = (text: string, lang: string): Set<string> => {
  const words = wordsOf(normalise(text, lang), lang)
  if (words.length === 0) return new Set()
  const last = Math.max(0, words.length - size)
  return new Set(Array.from({ length: last + 1 }, (_, i) => words.slice(i, i + size).join(' ')))
}

interface Original {
  readonly id: string
  readonly size: number
}

/** The best-ranked original that shares enough, found through an index of grams. */
const originalOf = (
  grams: ReadonlySet<string>,
  index: ReadonlyMap<string, readonly Original[]>,
): Original | undefined => {
  const shared = new Map<Original, number>()
  for (const gram of grams)
    for (const original of index.get(gram) ?? []) shared.set(original, (shared.get(original) ?? 0) + 1)
  return [...shared].find(([original, count]) => count >= share * Math.max(original.size, grams.size))?.[0]
}

/**
 * Marks every near-copy with the best-ranked passage that it is a copy of, by text alone. Candidates come best first.
 * What is a twin itself is nobody's original: whoever drops all twins keeps one of each kind.
 */
export const markTwins = (candidates: readonly Candidate[], lang = 'en'): Candidate[] => {
  const index = new Map<string, Original[]>()
  return candidates.map((candidate) => {
    const grams = gramsOf(candidate.text, lang)
    const original = originalOf(grams, index)
    if (original) return { ...candidate, twin_of: original.id }
    const own = { id: candidate.id, size: grams.size }
    for (const gram of grams) index.set(gram, [...(index.get(gram) ?? []), own])
    return { ...candidate, twin_of: null }
  })
}
