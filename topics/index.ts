/** The topics of a stream and of a prefix, as lists. */
import type { Topic } from '../runtime/topic.ts'
import * as all from './catalogue.ts'

export * from './catalogue.ts'

/** One of each per stream. */
export const streamTopics: readonly Topic[] = [
  all.passages,
  all.queries,
  all.drafts,
  all.candidates,
  all.gains,
  all.samples,
  all.contexts,
  all.answers,
  all.metrics,
  all.rejects,
]

/** One of each per prefix. */
export const controlTopics: readonly Topic[] = [all.runs, all.streams, all.totals]

export const catalogue: readonly Topic[] = [...streamTopics, ...controlTopics]
