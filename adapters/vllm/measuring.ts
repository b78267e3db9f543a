/** What the ways of measuring have in common. */
import { createHash } from 'node:crypto'
import type { AnswerScore } from '../../method/ports.ts'
import { maxPrompts, type Choice, type Completion, type CompletionRequest, type Server } from './server.ts'

/** Golds and prompts as token ids; every gold is measured with every prompt. */
export interface Work {
  /** The prompt without a passage. */
  readonly base: readonly number[]
  readonly golds: readonly (readonly number[])[]
  readonly prompts: readonly (readonly number[])[]
  readonly alphas: readonly number[]
}

export interface Measured {
  /** Per gold: ln p of its tokens without a passage. */
  readonly base: readonly (readonly number[])[]
  /** Per prompt and gold. */
  readonly scores: readonly (readonly AnswerScore[])[]
}

/** A way of measuring, on one server. */
export type Measure = (server: Server, work: Work, signal: AbortSignal) => Promise<Measured>

/** The same for the same prompt, whoever asks. */
export const nameOf = (prompt: readonly number[]): string =>
  createHash('sha256').update(Int32Array.from(prompt)).digest('hex')

/** Calls of one query that are under way at once: enough to keep a server busy, few enough to let others in. */
const atOnce = 4

/** Some at a time, in order; when one fails the others are aborted, and nothing of them is under way any more. */
export const together = async <T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  limit = atOnce,
): Promise<R[]> => {
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const results = new Array<R>(items.length)
  let next = 0
  const worker = async () => {
    while (next < items.length && !either.aborted) {
      const i = next++
      results[i] = await work(items[i]!, either)
    }
  }
  const workers = Array.from({ length: Math.min(limit, items.length) }, () =>
    worker().catch((error: unknown) => {
      if (!failed.signal.aborted) failed.abort(error)
    }),
  )
  await Promise.all(workers)
  either.throwIfAborted()
  return results
}

/** One request for any number of prompts, in as many as the server takes at once. */
export const completed = async (server: Server, request: CompletionRequest, signal: AbortSignal): Promise<Choice[]> => {
  const parts: CompletionRequest[] = []
  for (let from = 0; from < request.prompts.length; from += maxPrompts)
    parts.push({ ...request, prompts: request.prompts.slice(from, from + maxPrompts) })
  const replies = await together(parts, signal, (part, s): Promise<Completion> => server.complete(part, s))
  return replies.flatMap(({ choices }) => choices)
}
