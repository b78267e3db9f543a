import { saysNotAvailable } from '../method/candidates.ts'
import type { Reader } from '../method/ports.ts'
import { promptHash, type PromptTemplate } from '../method/prompt.ts'
import { minutes } from '../runtime/topic.ts'
import { interactive } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import type { Draft } from '../schemas/draft.ts'
import { drafts, queries } from '../topics/index.ts'
import { only, spent } from './usage.ts'

export interface Imagining {
  /** Off: queries pass through without a pseudo-passage. */
  readonly imagines: boolean
  readonly reader: Reader
  readonly prompt: PromptTemplate
  readonly maxTokens: number
}

/** The reader LLM writes background from the query alone: one more candidate. */
export const imagine = processor({
  name: 'imagine',
  from: queries,
  to: [drafts],
  policy: interactive({ inFlight: 8, timeout: minutes(5) }),

  async step({ run, asked_at, query }, { imagines, reader, prompt, maxTokens }: Imagining, signal, attempt) {
    if (!imagines) return [drafts.message({ run, asked_at, query, pseudo_passage: null })]
    const {
      text,
      usage,
      identity: own,
    } = await reader.imagine({ question: query.question, template: prompt, maxTokens }, signal, attempt)
    const identity = { ...(own ?? reader.identity), prompt: promptHash(prompt) }
    const pseudo_passage = { text, not_available: saysNotAvailable(text, query.lang), reader: identity, usage }
    return [drafts.message({ run, asked_at, query, pseudo_passage })]
  },

  tally(_asked, outputs) {
    const { pseudo_passage } = only<Draft>(outputs)
    if (!pseudo_passage) return { outcome: 'passed' }
    const outcome = pseudo_passage.not_available ? 'not available' : 'imagined'
    return { outcome, sums: spent(pseudo_passage.usage) }
  },
})
