/** Grades of one prediction against its golds. Each is the maximum over the golds, 0 or 1, f1 between. */
import { normalise, wordsOf } from './normalise.ts'

/** Named as in the metric record. */
export interface Grades {
  /** Normalised strings are equal. */
  readonly strict_em: number
  /** A gold is a run of whole words in the prediction. */
  readonly boundary_em: number
  /** A gold is a substring of the prediction: what the paper calls EM, and where "no" matches "I do not know". */
  readonly containment_em: number
  /** Overlap of words, each counted as often as it occurs. */
  readonly f1: number
}

/** Words between blanks, one in front and one behind, so that a run of words is a substring. */
const run = (words: readonly string[]): string => ` ${words.join(' ')} `

const countsOf = (words: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

const f1Of = (prediction: readonly string[], gold: readonly string[]): number => {
  const left = countsOf(prediction)
  let common = 0
  for (const word of gold) {
    const count = left.get(word) ?? 0
    if (count === 0) continue
    left.set(word, count - 1)
    common++
  }
  return common === 0 ? 0 : (2 * common) / (prediction.length + gold.length)
}

/** `gold` is normalised and not empty. */
const gradeOne = (prediction: string, words: readonly string[], gold: string, lang: string): Grades => {
  const goldWords = wordsOf(gold, lang)
  return {
    strict_em: prediction === gold ? 1 : 0,
    boundary_em: run(words).includes(run(goldWords)) ? 1 : 0,
    containment_em: prediction.includes(gold) ? 1 : 0,
    f1: f1Of(words, goldWords),
  }
}

const worst: Grades = { strict_em: 0, boundary_em: 0, containment_em: 0, f1: 0 }

const better = (a: Grades, b: Grades): Grades => ({
  strict_em: Math.max(a.strict_em, b.strict_em),
  boundary_em: Math.max(a.boundary_em, b.boundary_em),
  containment_em: Math.max(a.containment_em, b.containment_em),
  f1: Math.max(a.f1, b.f1),
})

/**
 * All grades side by side; null (ungraded) for a query without golds. A gold that normalises to nothing matches
 * nothing: in the published code it matches everything.
 */
export const grade = (prediction: string, golds: readonly string[], lang = 'en'): Grades | null => {
  if (golds.length === 0) return null
  const said = normalise(prediction, lang)
  const words = wordsOf(said, lang)
  return golds
    .map((gold) => normalise(gold, lang))
    .filter((gold) => gold !== '')
    .reduce((best, gold) => better(best, gradeOne(said, words, gold, lang)), worst)
}
