/** The reader: greedy text under the same prompts as the scorer's. */
import type { Reader } from '../../method/ports.ts'
import type { Identity, Usage } from '../../schemas/identity.ts'
import type { Prompts } from '../reader/prompts.ts'
import { readingOf, toAnswer, toImagine, type Work } from '../reader/reading.ts'
import { preference, type Known } from './score.ts'
import type { Fleet } from './members.ts'
import type { Completion, Server } from './server.ts'

export interface ReaderParts {
  readonly identity: Identity
  readonly prompts: Prompts
  readonly fleet: Pick<Fleet<Known>, 'call'>
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

const costOf = ({ promptTokens, cachedTokens, outputTokens }: Completion, seconds: number): Usage => ({
  calls: 1,
  prompt_tokens: promptTokens - (cachedTokens ?? 0),
  output_tokens: outputTokens,
  cache_hits: 0,
  seconds,
})

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
        known.timed(async (seconds) => {
          const completion = await written(known.server, work, s)
          const { text, finish } = completion.choices[0]!
          const { identity: by } = known
          return { ...readingOf(work, text, finish === 'length'), usage: costOf(completion, seconds()), identity: by }
        }),
      signal,
      hint,
    )
  return {
    identity,
    async answer(request, signal, hint) {
      signal.throwIfAborted()
      // The server that measured this query's passages still holds their prompts.
      const base = await prompts.prompt(request.template, request.question, [], signal)
      return read(base, await toAnswer(prompts, request, signal), signal, hint)
    },
    async imagine(request, signal, hint) {
      signal.throwIfAborted()
      const work = await toImagine(prompts, request, signal)
      return read(work.prompt, work, signal, hint)
    },
  }
}
