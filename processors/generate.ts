import type { Reader } from '../method/ports.ts'
import { promptHash, type PromptTemplate } from '../method/prompt.ts'
import { minutes } from '../runtime/topic.ts'
import { interactive } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import type { Answer } from '../schemas/answer.ts'
import { answers, contexts } from '../topics/index.ts'
import { only, spent } from './usage.ts'

export interface Generating {
  readonly reader: Reader
  /** How many of the kept passages reach the reader, in selector order; 0 answers from the question alone. */
  readonly passages: number
  readonly prompt: (dataset: string) => PromptTemplate
  readonly passageTokens: number
  readonly answerTokens: number
  readonly now: () => number
}

/** The reader LLM answers with what the selector kept. */
export const generate = processor({
  name: 'generate',
  from: contexts,
  to: [answers],
  policy: interactive({ inFlight: 8, timeout: minutes(5) }),

  async step(context, ports: Generating, signal, attempt) {
    const { reader, passageTokens, answerTokens, now } = ports
    const template = ports.prompt(context.query.dataset)
    const passages = context.kept.slice(0, ports.passages)
    const question = context.query.question
    const request = { question, passages, template, passageTokens, maxTokens: answerTokens }
    const { text, usage, cut, identity: own } = await reader.answer(request, signal, attempt)
    const identity = { ...(own ?? reader.identity), prompt: promptHash(template) }
    return [
      answers.message({
        ...{ context, prediction: text, passages: passages.length, reader: identity },
        ...{ usage, answered_at: now(), cut },
      }),
    ]
  },

  tally: (_context, outputs) => ({ outcome: 'answered', sums: spent(only<Answer>(outputs).usage) }),
})
