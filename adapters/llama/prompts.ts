/** Prompts as token ids that fit the context, with what was cut off. */
import { render, type PromptTemplate } from '../../method/prompt.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'
import type { Chat } from './chat.ts'

export interface Tokenizer {
  /** Without special tokens. */
  tokenize(text: string): number[]
  detokenize(tokens: readonly number[]): string
}

export interface Prompts {
  readonly contextSize: number
  prompt(template: PromptTemplate, question: string, passages: readonly Passage[]): number[]
  /** The passage with its text cut at the end, so that its line in the prompt has at most `limit` tokens. */
  cut(template: PromptTemplate, passage: Passage, limit: number): { passage: Passage; cut: number }
  /** @throws Rejected for an answer without tokens. */
  answer(text: string): number[]
}

/** A cut may go through a character of several tokens. */
const whole = (text: string) => text.replace(/\uFFFD+$/, '')

export const openPrompts = (chat: Chat, tokenizer: Tokenizer, contextSize: number): Prompts => {
  const line = (template: PromptTemplate, passage: Passage) =>
    render({ ...template, user: '{evidence}' }, '', [passage]).user
  return {
    contextSize,
    prompt: (template, question, passages) => chat(render(template, question, passages)),
    cut: (template, passage, limit) => {
      const excess = tokenizer.tokenize(line(template, passage)).length - limit
      if (excess <= 0) return { passage, cut: 0 }
      const tokens = tokenizer.tokenize(passage.text)
      const kept = tokens.slice(0, Math.max(0, tokens.length - excess))
      return { passage: { ...passage, text: whole(tokenizer.detokenize(kept)) }, cut: tokens.length - kept.length }
    },
    answer: (text) => {
      const tokens = tokenizer.tokenize(text)
      if (tokens.length === 0) throw new Rejected(`the answer ${JSON.stringify(text)} has no tokens`)
      return tokens
    },
  }
}

/** Why a prompt and an answer do not fit, or null. The last token of an answer need not be evaluated. */
export const misfit = (what: string, prompt: number, answer: number, contextSize: number): string | null =>
  prompt + answer - 1 <= contextSize
    ? null
    : `${what} has ${prompt} tokens and the answer ${answer}, the context holds ${contextSize}`
