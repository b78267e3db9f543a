/** Prompts as token ids that fit the context, with what was cut off: the same for every adapter of a reader LLM. */
import { render, type Prompt, type PromptTemplate } from '../../method/prompt.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'

/** Here or at a server. */
type Soon<T> = T | Promise<T>

export interface Tokenizer {
  /** Without special tokens, however the text is spelt. */
  tokenize(text: string, signal: AbortSignal): Soon<readonly number[]>
  detokenize(tokens: readonly number[], signal: AbortSignal): Soon<string>
}

/** From a prompt to token ids, through the model's own chat template, with at most one beginning-of-sequence token. */
export type Chat = (prompt: Prompt, signal: AbortSignal) => Soon<readonly number[]>

export interface Context {
  /** Tokens of a prompt and its answer. */
  readonly contextSize: number
  /** The last token of an answer, which need not be evaluated, takes a place all the same (default: none). */
  readonly lastTakesPlace?: boolean
}

export interface Prompts extends Context {
  prompt(
    template: PromptTemplate,
    question: string,
    passages: readonly Passage[],
    signal: AbortSignal,
  ): Promise<readonly number[]>
  /** The passage with its text cut at the end, so that its line in the prompt has at most `limit` tokens. */
  cut(
    template: PromptTemplate,
    passage: Passage,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ passage: Passage; cut: number }>
  /** @throws Rejected for an answer without tokens. */
  answer(text: string, signal: AbortSignal): Promise<readonly number[]>
}

/** A cut may go through a character of several tokens. */
const whole = (text: string) => text.replace(/\uFFFD+$/, '')

export const openPrompts = (
  chat: Chat,
  tokenizer: Tokenizer,
  contextSize: number,
  { lastTakesPlace = false }: Pick<Context, 'lastTakesPlace'> = {},
): Prompts => {
  const line = (template: PromptTemplate, passage: Passage) =>
    render({ ...template, user: '{evidence}' }, '', [passage]).user
  return {
    contextSize,
    lastTakesPlace,
    prompt: async (template, question, passages, signal) => chat(render(template, question, passages), signal),
    cut: async (template, passage, limit, signal) => {
      const excess = (await tokenizer.tokenize(line(template, passage), signal)).length - limit
      if (excess <= 0) return { passage, cut: 0 }
      const tokens = await tokenizer.tokenize(passage.text, signal)
      const kept = tokens.slice(0, Math.max(0, tokens.length - excess))
      const text = whole(await tokenizer.detokenize(kept, signal))
      return { passage: { ...passage, text }, cut: tokens.length - kept.length }
    },
    answer: async (text, signal) => {
      const tokens = await tokenizer.tokenize(text, signal)
      if (tokens.length === 0) throw new Rejected(`the answer ${JSON.stringify(text)} has no tokens`)
      return tokens
    },
  }
}

/** Why a prompt and an answer do not fit, or null. */
export const misfit = (
  what: string,
  prompt: number,
  answer: number,
  { contextSize, lastTakesPlace = false }: Context,
): string | null =>
  prompt + answer - (lastTakesPlace ? 0 : 1) <= contextSize
    ? null
    : `${what} has ${prompt} tokens and the answer ${answer}, the context holds ${contextSize}`
