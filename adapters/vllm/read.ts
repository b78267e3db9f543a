/** The reader: greedy text under the same prompts as the scorer's. */
import type { Reader, Reading } from '../../method/ports.ts'
import type { Identity } from '../../schemas/identity.ts'
import { fitted } from '../reader/fitted.ts'
import type { Prompts } from '../reader/prompts.ts'
import { preference, type Known } from './score.ts'
import type { Fleet } from './members.ts'
import type { Completion, Server } from './server.ts'

export interface ReaderParts {
  readonly identity: Identity
  readonly prompts: Prompts
  readonly fleet: Pick<Fleet<Known>, 'call'>
}

interface Work {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  /** An answer ends where its first line does. */
  readonly oneLine: boolean
  readonly cuts: readonly string[]
}

/** A line that is empty was not the answer yet: then as much is written as may be, and its first line is taken. */
const written = async (
  server: Server,
  { prompt, maxTokens, oneLine }: Work,
  signal: AbortSignal,
): Promise<Completion> => {
  const request = { prompts: [prompt], maxTokens }
  if (!oneLine) return server.complete(request, signal)
  const line = await server.complete({ ...request, stop: ['\n'] }, signal)
  const { text, finish } = line.choices[0]!
  return text.trim() === '' && finish === 'stop' ? server.complete(request, signal) : line
}

const readingOf = (
  { choices, promptTokens, cachedTokens, outputTokens }: Completion,
  work: Work,
  seconds: number,
): Reading => {
  const { text, finish } = choices[0]!
  const cuts = finish === 'length' ? [...work.cuts, `stopped after ${work.maxTokens} tokens`] : work.cuts
  const line = work.oneLine ? (text.trim().split('\n')[0] ?? '') : text
  return {
    text: line.replace(/\uFFFD+$/, '').trim(),
    usage: {
      calls: 1,
      prompt_tokens: promptTokens - (cachedTokens ?? 0),
      output_tokens: outputTokens,
      cache_hits: 0,
      seconds,
    },
    cut: cuts.length > 0 ? cuts.join('; ') : null,
  }
}

export const openReader = ({ identity, prompts, fleet }: ReaderParts): Reader => {
  const read = (
    preferred: readonly number[],
    work: Work,
    signal: AbortSignal,
    hint: Parameters<Fleet<Known>['call']>[3],
  ) =>
    fleet.call(
      preference(preferred),
      (known, s) =>
        known.timed(async (seconds) => ({
          ...readingOf(await written(known.server, work, s), work, seconds()),
          identity: known.identity,
        })),
      signal,
      hint,
    )
  return {
    identity,
    async answer(request, signal, hint) {
      signal.throwIfAborted()
      const { maxTokens, template, question } = request
      // The server that measured this query's passages still holds their prompts.
      const base = await prompts.prompt(template, question, [], signal)
      const work = { ...(await fitted(prompts, request, maxTokens, signal)), maxTokens, oneLine: true }
      return read(base, work, signal, hint)
    },
    async imagine({ question, template, maxTokens }, signal, hint) {
      signal.throwIfAborted()
      const bare = { question, template, passages: [], passageTokens: 0 }
      const work = { ...(await fitted(prompts, bare, maxTokens, signal)), maxTokens, oneLine: false }
      return read(work.prompt, work, signal, hint)
    },
  }
}
