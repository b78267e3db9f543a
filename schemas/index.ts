/** What travels. */
import { Answer } from './answer.ts'
import { Candidates } from './candidates.ts'
import { Context } from './context.ts'
import { Decision, RunEntry, SelectorEntry, StreamEntry, Totals } from './control.ts'
import { Draft } from './draft.ts'
import { Gains } from './gains.ts'
import { Metric } from './metric.ts'
import { Passage } from './passage.ts'
import { Asked } from './query.ts'
import { Sample } from './sample.ts'

export type { Avro } from './avro.ts'
export { Answer } from './answer.ts'
export { Candidates } from './candidates.ts'
export { Context, Scored, SelectorIdentity, Shadowed } from './context.ts'
export { Decision, Derivation, RunEntry, SelectorEntry, StreamEntry, Totals } from './control.ts'
export { Draft, PseudoPassage } from './draft.ts'
export { Gain, Gains } from './gains.ts'
export { Identity, Usage } from './identity.ts'
export { Metric } from './metric.ts'
export { Candidate, Passage } from './passage.ts'
export { Asked, Query } from './query.ts'
export { GroupPassage, Sample } from './sample.ts'

/** The records that are values of a topic, under the names of their released files. */
export const records = {
  passage: Passage,
  asked: Asked,
  draft: Draft,
  candidates: Candidates,
  gains: Gains,
  sample: Sample,
  context: Context,
  answer: Answer,
  metric: Metric,
  'run-entry': RunEntry,
  'stream-entry': StreamEntry,
  totals: Totals,
  decision: Decision,
  'selector-entry': SelectorEntry,
} as const
