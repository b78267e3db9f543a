/** Which queries are worth learning from: those that the reader can answer with the best passage. */
import { grade } from './grade.ts'

/** How an answer must match a gold; `containment` is the published rule, `off` keeps every query. */
export type AnswerableFilter = 'boundary' | 'containment' | 'off'

/** As a sample record holds it; the reason is empty for what is kept. */
export interface Decision {
  readonly outcome: 'kept' | 'filtered'
  readonly reason: string
}

const kept: Decision = { outcome: 'kept', reason: '' }

/** @param prediction what the reader answered with the passage that the gains rank first. */
export const answerable = (
  filter: AnswerableFilter,
  prediction: string,
  golds: readonly string[],
  lang = 'en',
): Decision => {
  if (filter === 'off') return kept
  const grades = grade(prediction, golds, lang)
  if (grades === null) return { outcome: 'filtered', reason: 'no gold answer' }
  const matches = filter === 'boundary' ? grades.boundary_em : grades.containment_em
  return matches === 1 ? kept : { outcome: 'filtered', reason: 'not answered with the best passage' }
}
