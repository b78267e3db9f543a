import { answerable, type AnswerableFilter, type Decision } from '../method/filter.ts'
import { bestBy, measureOf, type Measure } from '../method/gain.ts'
import { buildGroup } from '../method/group.ts'
import type { Reader } from '../method/ports.ts'
import { promptHash, type PromptTemplate } from '../method/prompt.ts'
import { Rejected } from '../runtime/errors.ts'
import { minutes } from '../runtime/topic.ts'
import { bulk } from '../runtime/policy.ts'
import { processor, type Attempt } from '../runtime/processor.ts'
import type { Gains } from '../schemas/gains.ts'
import type { Identity, Usage } from '../schemas/identity.ts'
import type { Sample } from '../schemas/sample.ts'
import { gains, samples } from '../topics/index.ts'
import { noUsage, only, spent } from './usage.ts'

export interface Distilling {
  /** Answers for the filter; another one than labelled, if so configured. */
  readonly reader: Reader
  readonly filter: AnswerableFilter
  readonly measure: Measure
  readonly dropTwins: boolean
  readonly prompt: (dataset: string) => PromptTemplate
  readonly passageTokens: number
  readonly answerTokens: number
}

interface Filtered extends Decision {
  readonly prediction: string | null
  readonly reader: Identity | null
  readonly usage: Usage
}

/** Can the reader answer with the passage that has the most gain? */
const filtered = async (
  { query, gains: measured, passages, measure }: Gains,
  ports: Distilling,
  signal: AbortSignal,
  attempt: Attempt,
): Promise<Filtered> => {
  if (ports.filter === 'off') return { outcome: 'kept', reason: '', prediction: null, reader: null, usage: noUsage }
  const best = bestBy(measureOf({ measure }), measured)
  const template = ports.prompt(query.dataset)
  const { text, usage, identity } = await ports.reader.answer(
    {
      question: query.question,
      passages: passages.filter(({ id }) => id === best?.passage_id),
      template,
      passageTokens: ports.passageTokens,
      maxTokens: ports.answerTokens,
    },
    signal,
    attempt,
  )
  const reader = { ...(identity ?? ports.reader.identity), prompt: promptHash(template) }
  return { ...answerable(ports.filter, text, query.answers, query.lang), prediction: text, reader, usage }
}

/** Gains become one training group, or the reason why they do not: one record a query, never silence. */
export const distil = processor({
  name: 'distil',
  from: gains,
  to: [samples],
  policy: bulk({ inFlight: 4, timeout: minutes(5) }),

  async step(labelled, ports: Distilling, signal, attempt) {
    const { run, query, alpha, scorer, settings } = labelled
    const { measure, dropTwins } = ports
    if (measure === 'contrastive' && measureOf(labelled) === 'plain')
      throw new Rejected(`query ${query.id} was measured without contrast: replay it with distil.measure=plain`)
    const about = { run, query, measure, alpha, scorer, settings }
    const group = buildGroup(query, labelled.passages, labelled.gains, { measure, dropTwins })
    if ('reason' in group) {
      const nobody = { filter_prediction: null, filter_reader: null, usage: noUsage }
      return [samples.message({ ...about, ...nobody, outcome: 'filtered', reason: group.reason, passages: [] })]
    }
    const { outcome, reason, prediction, reader, usage } = await filtered(labelled, ports, signal, attempt)
    return [
      samples.message({
        ...{ ...about, outcome, reason, passages: group.passages },
        ...{ filter_prediction: prediction, filter_reader: reader, usage },
      }),
    ]
  },

  tally(_gains, outputs) {
    const { outcome, reason, usage } = only<Sample>(outputs)
    return { outcome, reason: reason === '' ? undefined : reason, sums: spent(usage) }
  },
})
