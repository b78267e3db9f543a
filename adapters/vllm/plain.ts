/**
 * Plain figures of a server that nobody may change: one token is written after each beginning of a gold, and the
 * log-probabilities of the tokens that may follow are asked for. Exact over the whole vocabulary; a contrast is not.
 */
import { treeOf } from '../reader/golds.ts'
import { readings } from './calls.ts'
import { Distrusted } from './failures.ts'
import { completed, together, type Measure } from './measuring.ts'
import type { Choice, CompletionRequest, Server } from './server.ts'

/** Tokens that one request may ask for. */
const most = 128

/** A row that is read: the tokens of an answer before it, and those that some gold goes on with. */
export interface Look {
  readonly before: readonly number[]
  readonly tokens: readonly number[]
}

/** Every row of every gold once, those after fewer tokens first. */
export const looksOf = (golds: readonly (readonly number[])[], room = most): Look[] => {
  const sorted = treeOf(golds).nodes.toSorted((a, b) => a.before.length - b.before.length)
  return sorted.flatMap(({ before, next }) =>
    Array.from({ length: Math.ceil(next.length / room) }, (_, i) => ({
      before,
      tokens: next.slice(i * room, (i + 1) * room),
    })),
  )
}

/** What a request adds to the prompts and to what is asked of them. */
export type Asking = (look: Look) => Pick<CompletionRequest, 'wanted' | 'likeliest'>

/** The log-probabilities of one row, for each of some prompts. @throws Distrusted when a wanted one is missing */
export const rowsAt = async (
  server: Server,
  prompts: readonly (readonly number[])[],
  look: Look,
  asking: Asking,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, number>[]> => {
  const request = { prompts: prompts.map((prompt) => [...prompt, ...look.before]), maxTokens: 1, ...asking(look) }
  const row = ({ steps: [step] }: Choice) => {
    if (step && (request.wanted ?? []).every((token) => Number.isFinite(step.get(token)))) return step
    throw new Distrusted(`${server.name} did not answer the log-probabilities that it was asked for`, {
      endpoint: server.name,
    })
  }
  return (await completed(server, request, signal)).map(row)
}

const atTokens: Asking = ({ tokens }) => ({ wanted: tokens })

/** The first look alone: the others then find the prompts in the server's prefix cache. */
export const inOrder = async (
  looks: readonly Look[],
  signal: AbortSignal,
  work: (look: Look, s: AbortSignal) => Promise<void>,
) => {
  await together(looks.slice(0, 1), signal, work)
  await together(looks.slice(1), signal, work)
}

export const plain: Measure = async (server, { base, golds, prompts, alphas }, signal) => {
  const all = [base, ...prompts]
  const found = all.map(() => readings<number>())
  await inOrder(looksOf(golds), signal, async (look, s) => {
    const rows = await rowsAt(server, all, look, atTokens, s)
    rows.forEach((row, i) => {
      for (const token of look.tokens) found[i]!.put(look.before, token, Math.min(0, row.get(token)!))
    })
  })
  const [without, ...given] = found
  const contrast = (plain: number[]) =>
    alphas.map((alpha) => {
      if (alpha !== 0) throw new RangeError('a contrast was asked of a plain measurement')
      return plain
    })
  return {
    base: golds.map((gold) => without!.along(gold)),
    scores: given.map((one) => golds.map((gold) => ({ plain: one.along(gold), contrast: contrast(one.along(gold)) }))),
  }
}
