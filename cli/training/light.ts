/** `gainstream train --light`: weights of features, in this process, in seconds. */
import { writeSelector } from '../../adapters/selectors/index.ts'
import { featureNames } from '../../method/features.ts'
import { expectedGains, fitLight, type ExpectedGains, type LightOptions } from '../../method/light.ts'
import { hitAt1 } from '../../method/recall.ts'
import { linearScore, type Linear } from '../../method/selector.ts'
import type { SelectorIdentity } from '../../schemas/context.ts'
import type { Material, TrainingGroup } from './material.ts'

/** hit@1 over the groups that know their gold passages: generated ones aside, and a near-copy of a gold counts. */
export interface Hits {
  readonly n: number
  /** Of what the teacher likes best: no selector that learns from it can be expected to know better. */
  readonly teacher: number
  readonly first: number
  readonly chosen: number
}

export interface LightReport {
  readonly selector: SelectorIdentity
  readonly folder: string
  readonly groups: { readonly train: number; readonly dev: number }
  /** Mean over groups, nats; ln n for groups of n that are all alike. */
  readonly entropy: number
  readonly loss: number
  /** Over the development part; null where there is none. */
  readonly gain: ExpectedGains | null
  readonly hit: Hits | null
  readonly weights: Readonly<Record<string, number>>
}

/** Best first; ties keep retrieval order. */
const isHit = ({ sample, passages }: TrainingGroup, scores: readonly number[]): number => {
  const order = passages.map((passage, at) => ({ ...passage, same_as: [], own: scores[at]! }))
  return Number(hitAt1(order.sort((a, b) => b.own - a.own), sample.query.gold_passage_ids)) // prettier-ignore
}

const hitsOf = (linear: Linear, groups: readonly TrainingGroup[]): Hits | null => {
  const known = groups.filter(({ sample }) => sample.query.gold_passage_ids.length > 0)
  if (known.length === 0) return null
  const mean = (scores: (group: TrainingGroup) => readonly number[]) =>
    known.reduce((sum, group) => sum + isHit(group, scores(group)), 0) / known.length
  return {
    n: known.length,
    teacher: mean(({ scores }) => scores),
    first: mean(({ passages }) => passages.map(({ rank }) => -rank)),
    chosen: mean(({ rows }) => rows.map((row) => linearScore(linear, row))),
  }
}

export interface LightTraining extends LightOptions {
  /** To be made. */
  readonly out: string
  readonly name: string
}

/** @throws Fatal where the folder is there already */
export const trainLight = async (
  material: Material,
  { out, name, ...options }: LightTraining,
): Promise<LightReport> => {
  const { train, dev, trained } = material
  const { linear, loss, entropy } = fitLight(train, featureNames, options)
  const { path, identity } = await writeSelector(out, { name, encoder: null, linear, min_score: null, trained })
  return {
    ...{ selector: identity, folder: path, groups: { train: train.length, dev: dev.length }, entropy, loss },
    gain: dev.length === 0 ? null : expectedGains(linear, dev),
    hit: hitsOf(linear, dev),
    weights: Object.fromEntries(featureNames.map((feature, i) => [feature, linear.weights[i]!])),
  }
}
