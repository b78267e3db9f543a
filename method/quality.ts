/** How good labels are: what one query's gains say of themselves, and what many of them say together. */
import type { Gain, Gains } from '../schemas/gains.ts'
import { bestBy, measureOf, nllBy, nothingGains, type Measure } from './gain.ts'
import { entropy, softmax, teacherScore } from './group.ts'
import { hitAt1 } from './recall.ts'

/** Kendall's τ-b of two lists of the same length: 1 the same order, −1 the reverse; undefined where one has no order. */
export const kendall = (a: readonly number[], b: readonly number[]): number | undefined => {
  let [agreed, tiedA, tiedB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++)
    for (let j = i + 1; j < a.length; j++) {
      const [x, y] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)]
      agreed += x * y
      if (x === 0) tiedA++
      if (y === 0) tiedB++
    }
  const pairs = (a.length * (a.length - 1)) / 2
  const scale = Math.sqrt((pairs - tiedA) * (pairs - tiedB))
  return scale === 0 ? undefined : agreed / scale
}

/** Ranks from 1; equal values share the mean of theirs. */
const ranks = (values: readonly number[]): number[] => {
  const order = values.map((value, at) => ({ value, at })).sort((x, y) => x.value - y.value)
  const found = new Array<number>(values.length)
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && order[to]!.value === order[from]!.value) to++
    for (let i = from; i < to; i++) found[order[i]!.at] = (from + to + 1) / 2
  }
  return found
}

/** Spearman's ρ: the correlation of the ranks; undefined where one list has no order. */
export const spearman = (a: readonly number[], b: readonly number[]): number | undefined => {
  const [x, y] = [ranks(a), ranks(b)]
  const middle = (a.length + 1) / 2
  const product = (p: readonly number[], q: readonly number[]) =>
    p.reduce((sum, value, i) => sum + (value - middle) * (q[i]! - middle), 0)
  const scale = Math.sqrt(product(x, x) * product(y, y))
  return scale === 0 ? undefined : product(x, y) / scale
}

/** Where a group teaches nothing: the teacher's shares are nearly equal, or its figures hardly differ. */
export interface Flatness {
  /** Of the largest entropy possible, ln n. */
  readonly entropy: number
  /** Nats between the best and the worst mean NLL. */
  readonly spread: number
}

export const flatness: Flatness = { entropy: 0.99, spread: 0.05 }

/** One query's labels. */
export interface LabelFigures {
  readonly scored: number
  readonly unscored: number
  /** Mean NLL of each scored passage by the measure, in nats. */
  readonly nlls: readonly number[]
  /** A passage that the reader wrote itself makes the answer likeliest; undefined where it wrote none. */
  readonly generatedWins: boolean | undefined
  /** Of the teacher's shares, over ln n: 0 one passage has all, 1 all are alike. */
  readonly entropy: number
  readonly flat: boolean
  /** Between contrastive and plain figures; undefined where only one was taken. */
  readonly kendall: number | undefined
  readonly sameFirst: boolean | undefined
  readonly nothingGains: boolean
  /** Is the passage with the most gain a gold one? undefined without known golds. */
  readonly hit: boolean | undefined
  /** The same of the first retrieved one. */
  readonly firstHit: boolean | undefined
}

const scoredBy = (measure: Measure, gains: readonly Gain[]) =>
  gains.flatMap((gain) => {
    const nll = nllBy(measure, gain)
    return nll === null ? [] : [{ id: gain.passage_id, nll }]
  })

const bothMeasures = (gains: readonly Gain[]) => {
  const both = gains.filter((gain) => gain.mean_nll !== null && gain.plain_mean_nll !== null)
  if (both.length < 2) return { kendall: undefined, sameFirst: undefined }
  const [contrastive, plain] = [both.map((gain) => gain.mean_nll!), both.map((gain) => gain.plain_mean_nll!)]
  const sameFirst = bestBy('contrastive', both)?.passage_id === bestBy('plain', both)?.passage_id
  return { kendall: kendall(contrastive, plain), sameFirst }
}

/** Candidates in the order of a ranking, for hit@1. */
const hits = ({ query, passages }: Gains, nll: ReadonlyMap<string, number>) => {
  const golds = query.gold_passage_ids
  if (golds.length === 0) return { hit: undefined, firstHit: undefined }
  const byRank = passages.toSorted((a, b) => a.rank - b.rank)
  const byGain = byRank.toSorted((a, b) => (nll.get(a.id) ?? Infinity) - (nll.get(b.id) ?? Infinity) || a.rank - b.rank)
  return { hit: hitAt1(byGain, golds) ?? undefined, firstHit: hitAt1(byRank, golds) ?? undefined }
}

/**
 * What a record of gains says of itself; undefined where fewer than two of its passages have figures.
 * @param measure by which passages are ranked; the record's own where none is given
 */
export const labelFigures = (
  record: Gains,
  measure: Measure = measureOf(record),
  flat: Flatness = flatness,
): LabelFigures | undefined => {
  const { passages, gains } = record
  const scored = scoredBy(measure, gains)
  if (scored.length < 2) return undefined
  const nlls = scored.map(({ nll }) => nll)
  const best = bestBy(measure, gains)?.passage_id
  const relative = entropy(softmax(nlls.map(teacherScore))) / Math.log(nlls.length)
  const spread = nlls.reduce((a, b) => Math.max(a, b)) - nlls.reduce((a, b) => Math.min(a, b))
  const generated = passages.filter(({ source }) => source === 'generated').map(({ id }) => id)
  return {
    ...{ scored: scored.length, unscored: gains.length - scored.length, nlls },
    generatedWins: generated.length === 0 ? undefined : generated.includes(best ?? ''),
    ...{ entropy: relative, flat: relative >= flat.entropy || spread < flat.spread },
    ...bothMeasures(gains),
    nothingGains: nothingGains(gains) ?? false,
    ...hits(record, new Map(scored.map(({ id, nll }) => [id, nll]))),
  }
}

/** One query's labels by two readers, or under two settings, over the passages that both scored. */
export interface LabelPair {
  readonly passages: number
  readonly sameFirst: boolean
  /** Of the two orders; undefined where one has none. */
  readonly spearman: number | undefined
  readonly first: readonly [a: string, b: string]
}

/** Undefined where they have fewer than two scored passages in common. */
export const labelPair = (
  a: Pick<Gains, 'gains' | 'measure'>,
  b: Pick<Gains, 'gains' | 'measure'>,
  measures: readonly [a: Measure, b: Measure] = [measureOf(a), measureOf(b)],
): LabelPair | undefined => {
  const theirs = new Map(scoredBy(measures[1], b.gains).map(({ id, nll }) => [id, nll]))
  const common = scoredBy(measures[0], a.gains).filter(({ id }) => theirs.has(id))
  if (common.length < 2) return undefined
  const of = (nll: (one: { id: string; nll: number }) => number) =>
    common.reduce((best, one) => (nll(one) < nll(best) ? one : best)).id
  const others = (one: { id: string }) => theirs.get(one.id)!
  const first = [of(({ nll }) => nll), of(others)] as const
  const rho = spearman(common.map(({ nll }) => nll), common.map(others)) // prettier-ignore
  return { passages: common.length, sameFirst: first[0] === first[1], spearman: rho, first }
}
