/** From samples to training material: groups with features, cut into two parts that share no gold passage. */
import { join } from 'node:path'
import { writeLines } from '../../adapters/files/index.ts'
import { featureNames, featuresOf } from '../../method/features.ts'
import type { LightGroup } from '../../method/light.ts'
import { normalise } from '../../method/normalise.ts'
import type { Choice } from '../../method/ports.ts'
import type { Linear, Trained } from '../../method/selector.ts'
import { splitQueries } from '../../method/split.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { TrainingPassage, TrainingSample } from './samples.ts'

/** A query's passages in retrieval order. */
export interface TrainingGroup extends LightGroup {
  readonly sample: TrainingSample
  readonly passages: readonly TrainingPassage[]
}

export interface Material {
  readonly train: readonly TrainingGroup[]
  readonly dev: readonly TrainingGroup[]
  readonly leftOut: { readonly filtered: number; readonly withoutGroup: number; readonly otherMeasure: number }
  /** Passages of which no ranking's score is known: a selector learns nothing of retrieval from them. */
  readonly unranked: { readonly passages: number; readonly of: number }
  readonly trained: Trained
}

export interface MaterialOptions {
  /** Groups that the answerable filter dropped belong to it, too. */
  readonly filtered: boolean
  /** Samples of other measures are left out; undefined: there may be only one. */
  readonly measure: string | undefined
  readonly seed: number
  /** Of the queries, set aside for evaluation. */
  readonly dev: number
  /** `<prefix>.<stream>` or the files, for people. */
  readonly origin: string
  readonly onProgress: (done: number) => void
}

const choiceOf = ({
  mean_nll: _,
  score: __,
  twin_of: ___,
  retrieval_score: score,
  ...passage
}: TrainingPassage): Choice => ({
  ...passage,
  score,
  given_score: null,
})

const groupOf = (sample: TrainingSample): TrainingGroup => {
  const passages = sample.passages.toSorted((a, b) => a.rank - b.rank)
  const rows = featuresOf(sample.query.question, passages.map(choiceOf)) // prettier-ignore
  return { sample, passages, rows, scores: passages.map(({ score }) => score) }
}

/** The newest sample of each query by each measure and α, by query id: the same on every log. */
const newest = async (samples: AsyncIterable<TrainingSample>, onProgress: (done: number) => void) => {
  const last = new Map<string, TrainingSample>()
  for await (const sample of samples) {
    const key = JSON.stringify([sample.query.id, sample.measure, sample.alpha])
    checkSame(sample, last.get(key) ?? sample)
    last.set(key, sample)
    onProgress(last.size)
  }
  return [...last.values()].sort((a, b) => (a.query.id < b.query.id ? -1 : 1))
}

const checkSame = ({ query, run }: TrainingSample, { query: other, run: before }: TrainingSample) => {
  if (normalise(query.question) === normalise(other.question)) return
  const where = run === before ? `the run ${run}` : `the runs ${before} and ${run}`
  throw new Fatal(
    `two queries have the id ${query.id}, in ${where}: give one of them another id, or name one run with --run`,
  )
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)]

/** One selector learns from one kind of label. */
const checkAlike = (samples: readonly TrainingSample[]) => {
  const measures = distinct(samples.map(({ measure }) => measure))
  if (measures.length > 1)
    throw new Fatal(`the samples hold ${measures.join(' and ')} gains; say with --measure which to learn from`)
  const alphas = distinct(samples.map(({ alpha }) => alpha))
  if (alphas.length > 1)
    throw new Fatal(`the samples were measured with α ${alphas.join(' and ')}; name runs of one α with --run`)
}

const bestOf = ({ passages, scores }: TrainingGroup): string => passages[scores.indexOf(Math.max(...scores))]!.id

/** Where no gold passage is known, the one that the teacher likes best stands for it. */
const goldsOf = (group: TrainingGroup): readonly string[] => {
  const { gold_passage_ids: golds } = group.sample.query
  return golds.length > 0 ? golds : [bestOf(group)]
}

const trainedOn = (samples: readonly TrainingSample[], groups: number, { origin, seed }: MaterialOptions): Trained => ({
  ...{ base: null, groups, seed, at: Date.now(), measure: samples[0]!.measure, alpha: samples[0]!.alpha },
  run: `${origin}/${distinct(samples.map(({ run }) => run)).sort().join(',')}`,
  settings: distinct(samples.map(({ settings }) => settings)).sort().join(','),
  prompts: distinct(samples.flatMap(({ scorer }) => scorer.prompt ?? [])).sort(),
}) // prettier-ignore

const unrankedIn = (samples: readonly TrainingSample[]) => {
  const retrieved = samples.flatMap(({ passages }) => passages).filter(({ source }) => source === 'retrieved')
  const unknown = retrieved.filter(({ dense_score, sparse_score }) => dense_score === null && sparse_score === null)
  return { passages: unknown.length, of: retrieved.length }
}

/** @throws Fatal with a sentence where there is nothing to learn from, or labels of several kinds */
export const gather = async (samples: AsyncIterable<TrainingSample>, options: MaterialOptions): Promise<Material> => {
  const all = await newest(samples, options.onProgress)
  const measured = all.filter(({ measure }) => options.measure === undefined || measure === options.measure)
  const wanted = measured.filter(({ outcome }) => options.filtered || outcome === 'kept')
  const used = wanted.filter(({ passages }) => passages.length > 1)
  const leftOut = {
    ...{ otherMeasure: all.length - measured.length, filtered: measured.length - wanted.length },
    withoutGroup: wanted.length - used.length,
  }
  if (used.length === 0)
    throw new Fatal(
      `there is no training group among ${all.length} samples of ${options.origin} (${leftOut.filtered} filtered, ` +
        `${leftOut.otherMeasure} of another measure): gainstream synthesize makes some, --filtered takes those that the filter dropped`,
    )
  checkAlike(used)
  const groups = used.map(groupOf)
  const split = splitQueries(groups.map((group) => ({ id: group.sample.query.id, passages: goldsOf(group) })), { share: options.dev, seed: options.seed }) // prettier-ignore
  const held = new Set(split.dev)
  const train = groups.filter(({ sample }) => !held.has(sample.query.id))
  const dev = groups.filter(({ sample }) => held.has(sample.query.id))
  if (train.length === 0)
    throw new Fatal(`with --dev ${options.dev} nothing is left of ${groups.length} groups to learn from`)
  return { train, dev, leftOut, unranked: unrankedIn(used), trained: trainedOn(used, train.length, options) }
}

const lineOf = ({ sample, passages, rows }: TrainingGroup): string => {
  const { query, outcome } = sample
  const { id, dataset, question, gold_passage_ids } = query
  const written = passages.map(({ id, title, text, score, rank }, i) => ({ ...{ id, title, text, score, rank }, features: rows[i] })) // prettier-ignore
  return JSON.stringify({ ...{ id, dataset, query: question, gold_passage_ids, outcome }, passages: written })
}

/**
 * groups.jsonl and material.json, as the Python trainer reads them; the prior begins at the light selector's weights.
 * The same groups give the same bytes, whenever they are written: by these a training knows its own checkpoints.
 */
export const writeMaterial = async (
  folder: string,
  { train, dev, trained }: Material,
  prior: Linear,
): Promise<void> => {
  const ids = (groups: readonly TrainingGroup[]) => groups.map(({ sample }) => sample.query.id)
  const { mean, scale, weights } = prior
  const { at: _, ...origin } = trained
  await writeLines(join(folder, 'groups.jsonl'), [...train, ...dev].map(lineOf))
  const about = {
    features: featureNames,
    groups: train.length + dev.length,
    split: { train: ids(train), dev: ids(dev) },
  }
  await writeLines(join(folder, 'material.json'), [
    JSON.stringify({ ...about, prior: { weights, mean, scale }, trained: origin }),
  ])
}
