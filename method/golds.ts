/** Which gold answers are scored: alias lists reach a hundred, and many aliases differ in case or punctuation only. */
import { normalise } from './normalise.ts'

export interface GoldOptions {
  readonly lang?: string
  /** Only golds of the very same spelling are one (published behaviour). */
  readonly exact?: boolean
  /** How many are scored at most. */
  readonly maxGolds?: number
}

export interface Golds {
  /** First spellings, in the order given. */
  readonly golds: string[]
  /** Distinct golds past `maxGolds`. */
  readonly leftOut: number
}

/** Golds that normalise to the same string are one; blank ones, which no reader could say, are none. */
export const distinctGolds = (
  answers: readonly string[],
  { lang = 'en', exact = false, maxGolds = 8 }: GoldOptions = {},
): Golds => {
  const first = new Map<string, string>()
  for (const answer of answers) {
    if (answer.trim() === '') continue
    const key = exact ? answer : normalise(answer, lang)
    if (!first.has(key)) first.set(key, answer)
  }
  const distinct = [...first.values()]
  return { golds: distinct.slice(0, maxGolds), leftOut: Math.max(0, distinct.length - maxGolds) }
}
