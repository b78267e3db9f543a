/** Do queries that are to be evaluated later stand among those that are learned from? */
import { normalise } from '../../method/normalise.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Query } from '../../schemas/query.ts'
import type { TrainingGroup } from './material.ts'

export interface Overlap {
  /** Queries to be evaluated. */
  readonly queries: number
  /** Of them: those whose question, or one of whose gold passages, is learned from; and either. */
  readonly questions: number
  readonly passages: number
  readonly either: number
}

export const overlapOf = (evaluation: readonly Query[], groups: readonly TrainingGroup[]): Overlap => {
  const questions = new Set(groups.map(({ sample }) => normalise(sample.query.question)))
  const golds = new Set(groups.flatMap(({ sample }) => sample.query.gold_passage_ids))
  const asked = evaluation.map(({ question, gold_passage_ids }) => ({
    question: questions.has(normalise(question)),
    passage: gold_passage_ids.some((id) => golds.has(id)),
  }))
  return {
    queries: evaluation.length,
    questions: asked.filter(({ question }) => question).length,
    passages: asked.filter(({ passage }) => passage).length,
    either: asked.filter(({ question, passage }) => question || passage).length,
  }
}

/** As a share of the queries to be evaluated. */
const most = 0.01

/** @throws Fatal where more overlap than that, unless it is allowed */
export const checkOverlap = ({ queries, either }: Overlap, allowed: boolean): void => {
  if (allowed || either <= most * queries) return
  throw new Fatal(
    `${either} of ${queries} queries to be evaluated share a question or a gold passage with the training groups, more than ` +
      `${100 * most} %: leave them out of one of the two, or say --allow-overlap`,
  )
}
