/** What every reader does with a request before the model writes, and with the text after it. */
import type { Reader, Reading } from '../../method/ports.ts'
import { fitted } from './fitted.ts'
import type { Prompts } from './prompts.ts'

/** What a model is to write. */
export interface Work {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  /** An answer ends where its first line does. */
  readonly oneLine: boolean
  readonly cuts: readonly string[]
}

/** @throws Rejected when not even the prompt without passages fits */
export const toAnswer = async (
  prompts: Prompts,
  request: Parameters<Reader['answer']>[0],
  signal: AbortSignal,
): Promise<Work> => {
  const { maxTokens } = request
  return { ...(await fitted(prompts, request, maxTokens, signal)), maxTokens, oneLine: true }
}

/** @throws Rejected when the prompt does not fit */
export const toImagine = async (
  prompts: Prompts,
  { question, template, maxTokens }: Parameters<Reader['imagine']>[0],
  signal: AbortSignal,
): Promise<Work> => {
  const bare = { question, template, passages: [], passageTokens: 0 }
  return { ...(await fitted(prompts, bare, maxTokens, signal)), maxTokens, oneLine: false }
}

/** @param stopped it would have gone on. A cut may go through a character of several tokens */
export const readingOf = (work: Work, text: string, stopped: boolean): Pick<Reading, 'text' | 'cut'> => {
  const cuts = stopped ? [...work.cuts, `stopped after ${work.maxTokens} tokens`] : work.cuts
  const line = work.oneLine ? (text.trim().split('\n')[0] ?? '') : text
  return { text: line.replace(/\uFFFD+$/, '').trim(), cut: cuts.length > 0 ? cuts.join('; ') : null }
}
