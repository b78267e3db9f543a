/** How good a ranking of candidates is. Lists are best first; generated passages are set aside: nobody retrieved them. */
import type { Scored } from '../schemas/context.ts'
import type { Candidate } from '../schemas/passage.ts'
import { answerMatcher } from './answer.ts'

type Ranked = Pick<Candidate, 'id' | 'source' | 'same_as' | 'twin_of'>

const original = ({ id, twin_of }: Ranked): string => twin_of ?? id

/** Which of these candidates count as gold: gold passages, and copies or twins of one among them. */
export const goldMatcher = (candidates: readonly Ranked[], goldIds: readonly string[]): ((one: Ranked) => boolean) => {
  const ids = new Set(goldIds)
  const golds = candidates.filter(({ id, same_as }) => ids.has(id) || same_as.some((copy) => ids.has(copy)))
  const originals = new Set([...ids, ...golds.map(original)])
  return (one) => originals.has(one.id) || originals.has(original(one))
}

/** Where one stands among the retrieved ones, from 1: the first that `fits`; null where none does. */
const rankOf = <T extends Pick<Candidate, 'source'>>(
  candidates: readonly T[],
  fits: (one: T) => boolean,
): number | null => {
  const at = candidates.filter(({ source }) => source !== 'generated').findIndex(fits)
  return at < 0 ? null : at + 1
}

/** The place of the first gold passage among the retrieved ones, from 1; null where none was retrieved. */
export const goldRank = (candidates: readonly Ranked[], goldIds: readonly string[]): number | null =>
  rankOf(candidates, goldMatcher(candidates, goldIds))

/** The place of the first retrieved passage that holds an answer, from 1 (DPR's token match); null where none does. */
export const answerRank = (
  candidates: readonly Pick<Candidate, 'source' | 'text'>[],
  golds: readonly string[],
  lang = 'en',
): number | null => {
  const holds = answerMatcher(golds, lang)
  return rankOf(candidates, ({ text }) => holds(text))
}

/** 1 where the place is among the first k, otherwise 0. */
export const withinFirst = (k: number, rank: number | null): number => (rank !== null && rank <= k ? 1 : 0)

/** 1 where any gold passage is among the first k; a gold that was not retrieved is a miss; null without known golds. */
export const recallAt = (k: number, candidates: readonly Ranked[], goldIds: readonly string[]): number | null =>
  goldIds.length === 0 ? null : withinFirst(k, goldRank(candidates, goldIds))

/** The same of candidates that carry it as a flag: is the first choice among the retrieved ones a gold passage? */
export const firstIsGold = (
  scored: readonly Pick<Scored, 'source' | 'gold'>[],
  goldIds: readonly string[],
): boolean | null =>
  goldIds.length === 0 ? null : (scored.find(({ source }) => source !== 'generated')?.gold ?? false)

/** Is the first choice a gold passage? Candidates in the selector's order; null without known golds. */
export const hitAt1 = (choices: readonly Ranked[], goldIds: readonly string[]): boolean | null => {
  const isGold = goldMatcher(choices, goldIds)
  return firstIsGold(
    choices.map((one) => ({ source: one.source, gold: isGold(one) })),
    goldIds,
  )
}

/** The oracle: does any candidate, generated or not, hold an answer? No candidate, no answer; null without golds. */
export const someHasAnswer = (
  scored: readonly Pick<Scored, 'has_answer'>[],
  golds: readonly string[],
): boolean | null => (golds.length === 0 ? null : scored.some(({ has_answer }) => has_answer === true))

/** 1 where any of the first k retrieved passages holds an answer; null for a query without golds. */
export const hasAnswerAt = (
  k: number,
  scored: readonly Pick<Scored, 'source' | 'has_answer'>[],
  golds: readonly string[],
): number | null => {
  const retrieved = scored.filter(({ source }) => source !== 'generated').slice(0, k)
  return golds.length === 0 ? null : retrieved.some(({ has_answer }) => has_answer === true) ? 1 : 0
}
