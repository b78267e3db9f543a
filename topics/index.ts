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
  all.totals,
]

/** One of each per prefix. */
export const controlTopics: readonly Topic[] = [all.runs, all.streams, all.decisions, all.selectors]

export const catalogue: readonly Topic[] = [...streamTopics, ...controlTopics]

/** The topic of this name. @throws for a name that is not in the catalogue: a bug */
export const byName = (name: string): Topic => {
  const found = catalogue.find((each) => each.name === name)
  if (!found) throw new Error(`no topic is named ${name}`)
  return found
}
