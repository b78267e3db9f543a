/** From a scorer's log-probabilities to one gain per passage. */
import type { Gain } from '../schemas/gains.ts'
import { infogain, meanNll } from './contrast.ts'
import type { AnswerScore, PassageScore, Scores } from './ports.ts'

/** Which perplexity ranks the passages: the paper's, or what its published converter reads. */
export type Measure = 'contrastive' | 'plain'

/** Which of a request's alphas a gain is of, or that of none. */
type At = number | 'plain'

interface GoldFigures {
  readonly gold: string
  readonly tokens: number
  /** Absent where it was not measured. */
  readonly contrastive: number | null
  readonly plain: number
  readonly base: number
  readonly infogain: number
}

const nothing: Omit<Gain, 'passage_id'> = {
  mean_nll: null,
  plain_mean_nll: null,
  base_mean_nll: null,
  infogain: null,
  answer: null,
  plain_answer: null,
  tokens: null,
  cut: 0,
  unscored: null,
}

/** One gold's figures, or undefined where they are not all finite numbers over the same tokens. */
const figuresOf = (gold: string, score: AnswerScore, base: readonly number[], at: At): GoldFigures | undefined => {
  const contrast = at === 'plain' ? score.plain : (score.contrast[at] ?? [])
  if (contrast.length !== score.plain.length) return undefined
  const [contrastive, plain, bare] = [meanNll(contrast), meanNll(score.plain), meanNll(base)]
  const gained = infogain(score.plain, base)
  if (contrastive === undefined || plain === undefined || bare === undefined || gained === undefined) return undefined
  if (![contrastive, plain, bare, gained].every(Number.isFinite)) return undefined
  const own = at === 'plain' ? null : contrastive
  return { gold, tokens: score.plain.length, contrastive: own, plain, base: bare, infogain: gained }
}

/** The gold that the reader finds easiest to say; the earlier one where two are equal. */
const easiest = (golds: readonly GoldFigures[], measure: Measure): GoldFigures | undefined => {
  const nll = (figures: GoldFigures) => figures[measure] ?? Infinity
  return golds.reduce<GoldFigures | undefined>((best, g) => (best && nll(best) <= nll(g) ? best : g), undefined)
}

const gainOf = (
  id: string,
  score: PassageScore | undefined,
  golds: readonly string[],
  scores: Scores,
  at: At,
): Gain => {
  if (score === undefined) return { passage_id: id, ...nothing, unscored: 'the scorer returned no figures' }
  if ('unscored' in score) return { passage_id: id, ...nothing, unscored: score.unscored }
  const figures = golds.flatMap((gold, g) => {
    const answer = score.answers[g]
    return (answer && figuresOf(gold, answer, scores.base[g] ?? [], at)) ?? []
  })
  const won = easiest(figures, at === 'plain' ? 'plain' : 'contrastive')
  const wonPlain = easiest(figures, 'plain')
  if (!won || !wonPlain)
    return {
      passage_id: id,
      ...nothing,
      cut: score.cut,
      unscored: 'the scorer returned no finite figures for any gold',
    }
  return {
    passage_id: id,
    mean_nll: won.contrastive,
    plain_mean_nll: wonPlain.plain,
    base_mean_nll: won.base,
    infogain: won.infogain,
    answer: won.gold,
    plain_answer: wonPlain.gold,
    tokens: won.tokens,
    cut: score.cut,
    unscored: null,
  }
}

/**
 * One gain per passage, in the order of the passages: per measure the minimum over the golds and which gold it was;
 * base, infogain and tokens are those of the gold that won by contrastive perplexity, or by plain perplexity where
 * nothing else was measured. Every figure is finite or null.
 * @param golds as they were sent to the scorer.
 * @param at which of the request's alphas; `plain` where none was asked for.
 */
export const gainsOf = (
  scores: Scores,
  golds: readonly string[],
  passages: readonly { readonly id: string }[],
  at: At = 0,
): Gain[] => passages.map(({ id }, i) => gainOf(id, scores.passages[i], golds, scores, at))

/** By what the passages of a record can be ranked as it ranks them itself. */
export const measureOf = ({ measure }: { readonly measure: string }): Measure =>
  measure === 'plain' ? 'plain' : 'contrastive'

/** Mean NLL by a measure, in nats a token; null where the passage has no figures. */
export const nllBy = (measure: Measure, gain: Gain): number | null =>
  measure === 'contrastive' ? gain.mean_nll : gain.plain_mean_nll

/** The gain of the passage that makes an answer easiest; the earlier one where two are equal. */
export const bestBy = (measure: Measure, gains: readonly Gain[]): Gain | undefined =>
  gains.reduce<Gain | undefined>((best, gain) => {
    const nll = nllBy(measure, gain)
    const least = best && nllBy(measure, best)
    return nll === null || (typeof least === 'number' && least <= nll) ? best : gain
  }, undefined)

/** Why these gains teach nothing, or undefined: one passage alone cannot be compared. */
export const tooFewScored = (gains: readonly Gain[]): string | undefined =>
  gains.filter(({ plain_mean_nll }) => plain_mean_nll !== null).length < 2
    ? 'fewer than two scored candidates'
    : undefined

/** Sometimes no passage is the best passage: true where every scored one has infogain ≤ 0, undefined for none scored. */
export const nothingGains = (gains: readonly Gain[]): boolean | undefined => {
  const figures = gains.flatMap((gain) => gain.infogain ?? [])
  return figures.length === 0 ? undefined : figures.every((figure) => figure <= 0)
}
