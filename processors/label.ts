import { gainsOf, tooFewScored, type Measure } from '../method/gain.ts'
import { distinctGolds } from '../method/golds.ts'
import type { Scorer } from '../method/ports.ts'
import { promptHash, type PromptTemplate } from '../method/prompt.ts'
import { labelFigures } from '../method/quality.ts'
import { Rejected } from '../runtime/errors.ts'
import { minutes } from '../runtime/topic.ts'
import { bulk } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import type { Gains } from '../schemas/gains.ts'
import { candidates, gains } from '../topics/index.ts'
import { only, spent } from './usage.ts'

export interface Labelling {
  readonly scorer: Scorer
  readonly alpha: number
  /** Default: contrastive; `plain` takes no contrast, whatever α is. */
  readonly measure?: Measure
  /** By dataset: the prompt under which a gain is measured is the prompt that later answers. */
  readonly prompt: (dataset: string) => PromptTemplate
  readonly passageTokens: number
  readonly maxGolds: number
  /** Only golds of the very same spelling are one. */
  readonly exactGolds: boolean
  /** Hash of the stream's settings. */
  readonly settings: string
}

/** How many queries show what makes labels worth less: seen while they are measured, not only when they are used. */
const qualityOf = (record: Gains) => {
  const found = labelFigures(record)
  return {
    generated_won: Number(found?.generatedWins === true),
    flat: Number(found?.flat === true),
    nothing_gained: Number(found?.nothingGains === true),
    contrast_changed: Number(found?.sameFirst === false),
  }
}

/**
 * How much does each passage help the reader to say a gold answer?
 *
 * A message holds all passages of its query: the bare query is scored once for all of them, and no later step has to
 * join what this one took apart.
 */
export const label = processor({
  name: 'label',
  from: candidates,
  to: [gains],
  policy: bulk({ inFlight: 4, timeout: minutes(30), commitEvery: 500 }),

  async step({ run, asked_at, query, passages }, ports: Labelling, signal, attempt) {
    const { scorer, measure = 'contrastive', passageTokens, maxGolds, settings } = ports
    const alphas = measure === 'plain' ? [] : [ports.alpha]
    const { golds, leftOut } = distinctGolds(query.answers, { lang: query.lang, exact: ports.exactGolds, maxGolds })
    if (golds.length === 0) throw new Rejected(`query ${query.id} has no gold answer`)
    const template = ports.prompt(query.dataset)
    const request = { question: query.question, answers: golds, passages, template, alphas, passageTokens }
    const scores = await scorer.score(request, signal, attempt)
    const measured = gainsOf(scores, golds, passages, measure === 'plain' ? 'plain' : 0)
    const nothing = tooFewScored(measured)
    if (nothing) throw new Rejected(`query ${query.id}: ${nothing}`)
    const identity = { ...(scores.identity ?? scorer.identity), prompt: promptHash(template) }
    return [
      gains.message({
        ...{ run, asked_at, query, passages, gains: measured, alpha: alphas[0] ?? 0, exact: scorer.exact, golds },
        ...{ golds_left_out: leftOut, scorer: identity, usage: scores.usage, settings, measure },
      }),
    ]
  },

  tally(_value, outputs) {
    const record = only<Gains>(outputs)
    const { usage, gains: measured } = record
    const unscored = measured.filter((gain) => gain.unscored !== null).length
    return { outcome: 'labelled', sums: { ...spent(usage), passages: measured.length, unscored, ...qualityOf(record) } }
  },
})
