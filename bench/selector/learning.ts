/** Teachers, learners and orders of the study. */
import { featureNames, featuresOf } from '../../method/features.ts'
import { teacherScore } from '../../method/group.ts'
import {
  expectedGains,
  firstBest,
  fitLight,
  type ExpectedGains,
  type LightGroup,
  type LightOptions,
} from '../../method/light.ts'
import type { Choice } from '../../method/ports.ts'
import { goldMatcher } from '../../method/recall.ts'
import { linearScore } from '../../method/selector.ts'
import { splitQueries } from '../../method/split.ts'
import { markTwins } from '../../method/twins.ts'
import { unranked } from '../../method/unranked.ts'
import type { Label, Labelled } from './labels.ts'
import type { Listed, StudyQuery } from './material.ts'

export interface Studied {
  readonly query: StudyQuery
  readonly listed: readonly Listed[]
  readonly choices: readonly Choice[]
  readonly label?: Label | undefined
}

export type Judged = readonly { readonly id: string; readonly hit: number }[]

const remembered = <K extends object, V>(make: (key: K) => V): ((key: K) => V) => {
  const made = new WeakMap<K, V>()
  return (key) => {
    if (!made.has(key)) made.set(key, make(key))
    return made.get(key)!
  }
}

/** A near-copy of a gold passage is one. */
const goldsOf = remembered(({ query, choices }: Studied): readonly boolean[] => {
  const candidates = markTwins(choices.map((choice) => ({ ...unranked, ...choice })))
  return candidates.map(goldMatcher(candidates, query.gold_passage_ids))
})

const rowsOf = remembered(({ query, choices }: Studied) => featuresOf(query.question, choices))

export const hitOf = (one: Studied, scores: readonly number[]): number =>
  Number(goldsOf(one)[firstBest(scores)] ?? false)
const judging = (score: (one: Studied) => readonly number[]) => (all: readonly Studied[]): Judged =>
  all.map((one) => ({ id: one.query.id, hit: hitOf(one, score(one)) })) // prettier-ignore

/** None is below the least that a ranking gives. */
export const below = -1e9

/** Every order by which a candidate can come first. */
export const orders: Readonly<Record<string, (all: readonly Studied[]) => Judged>> = {
  fused: judging(({ choices }) => choices.map(({ rank }) => -rank)),
  dense: judging(({ choices }) => choices.map(({ dense_score }) => dense_score ?? below)),
  BM25: judging(({ choices }) => choices.map(({ sparse_score }) => sparse_score ?? below)),
  oracle: judging((one) => goldsOf(one).map(Number)),
}

const measured = ({ label }: Studied, of: (one: Labelled) => number | null): number[] =>
  (label?.passages ?? []).map((one) => of(one) ?? below)

const negative = (value: number | null): number | null => (value === null ? null : -value)

/** Does the passage that the gain ranks first count as gold? */
export const teachers: Readonly<Record<string, (one: Studied) => number>> = {
  contrastive: (one) =>
    hitOf(
      one,
      measured(one, ({ mean_nll }) => negative(mean_nll)),
    ),
  plain: (one) =>
    hitOf(
      one,
      measured(one, ({ plain_mean_nll }) => negative(plain_mean_nll)),
    ),
  infogain: (one) => hitOf(one, measured(one, ({ infogain }) => infogain)), // prettier-ignore
  'first retrieved': (one) => hitOf(one, one.choices.map(({ rank }) => -rank)), // prettier-ignore
  oracle: (one) => Number(goldsOf(one).some(Boolean)),
}

export interface Learner {
  readonly name: string
  readonly wants: (one: Studied) => boolean
  /** Null: the passage is left out. */
  readonly scores: (one: Studied) => readonly (number | null)[]
}

const gains = ({ label }: Studied) =>
  (label?.passages ?? []).map(({ mean_nll }) => (mean_nll === null ? null : teacherScore(mean_nll)))

/** Far enough apart that a softmax gives all to the gold passages. */
const golds = (one: Studied) => goldsOf(one).map((gold) => (gold ? 0 : -30))

export const learners: readonly Learner[] = [
  { name: 'light, gains', wants: () => true, scores: gains },
  { name: 'light, gains, filtered', wants: ({ label }) => label?.outcome === 'kept', scores: gains },
  { name: 'light, golds', wants: (one) => goldsOf(one).some(Boolean), scores: golds },
]

const groupOf = (one: Studied, scores: readonly (number | null)[]): LightGroup[] => {
  const at = scores.flatMap((score, i) => (score === null ? [] : i))
  return at.length < 2 ? [] : [{ rows: at.map((i) => rowsOf(one)[i]!), scores: at.map((i) => scores[i]!) }]
}

export interface Trial {
  readonly name: string
  readonly seed: number
  readonly groups: number
  readonly dev: { readonly hit: number; readonly first: number; readonly gains: ExpectedGains }
  readonly seconds: number
  readonly judge: (all: readonly Studied[]) => Judged
}

const devShare = 0.2

/** Fits on four fifths of the training queries, cut by gold passage; the seed decides which. */
export const trial = (
  training: readonly Studied[],
  { name, wants, scores }: Learner,
  seed: number,
  options: LightOptions,
): Trial => {
  const split = splitQueries(training.map(({ query }) => ({ id: query.id, passages: query.gold_passage_ids })), { share: devShare, seed }) // prettier-ignore
  const held = new Set(split.dev)
  const dev = training.filter(({ query }) => held.has(query.id))
  const groups = training
    .filter((one) => !held.has(one.query.id) && wants(one))
    .flatMap((one) => groupOf(one, scores(one)))
  const started = performance.now()
  const { linear } = fitLight(groups, featureNames, options)
  const seconds = (performance.now() - started) / 1000
  const judge = judging((one) => rowsOf(one).map((row) => linearScore(linear, row)))
  const mean = (judged: Judged) => judged.reduce((sum, { hit }) => sum + hit, 0) / judged.length
  const expected = expectedGains(linear, dev.flatMap((one) => groupOf(one, gains(one)))) // prettier-ignore
  return { name, seed, groups: groups.length, seconds, judge, dev: { hit: mean(judge(dev)), first: mean(orders.fused!(dev)), gains: expected } } // prettier-ignore
}
