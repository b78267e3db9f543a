/**
 * Small questions, such as which tokens a text has, need no turn of their own and no server in particular: any that is
 * ready answers them, in time, or another one does.
 */
import type { Endpoint } from '../../runtime/endpoint.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { delay, pause, within } from '../../runtime/wait.ts'
import type { Member } from './members.ts'
import type { Server } from './server.ts'

export interface QuestionsOptions {
  /** Servers that have passed their probe, whatever has become of them since. */
  readonly servers: () => readonly Server[]
  readonly fleet: { members(): readonly Member[]; readonly endpoint: Pick<Endpoint, 'ready'> }
  /** Milliseconds that an answer may take. */
  readonly limit?: number
  /** Milliseconds for which a server that gave none is asked only where there is no other. */
  readonly rest?: number
}

/** So many servers are tried before it is the question's failure. */
const tries = 3

export const questions = ({ servers, fleet, limit = 5_000, rest = 5_000 }: QuestionsOptions) => {
  const failedAt = new Map<string, number>()
  let turn = 0

  /** One that is ready, and that has not failed lately if there is such a one. */
  const some = (): Server | undefined => {
    const ready = new Set(fleet.members().flatMap(({ key, state }) => (state === 'ready' ? [key] : [])))
    const all = servers().filter(({ name }) => ready.has(name))
    const good = all.filter(({ name }) => Date.now() - (failedAt.get(name) ?? -Infinity) > rest)
    const from = good.length > 0 ? good : all
    return from[turn++ % from.length]
  }

  const once = async <T>(
    server: Server,
    question: (server: Server, s: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ) => {
    const { name } = server
    const late = () =>
      new Unavailable(`${name} did not answer a question within ${limit / 1000} s`, { endpoint: name, inFlight: true })
    try {
      const answer = await within(limit, signal, (s) => question(server, s), late)
      failedAt.delete(name)
      return answer
    } catch (error) {
      if (error instanceof Unavailable) failedAt.set(name, Date.now())
      throw error
    }
  }

  /** @throws Unavailable when several servers in a row did not answer; what the question itself is refused with */
  const ask = async <T>(question: (server: Server, s: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => {
    for (let failures = 0; ;) {
      const server = some()
      if (!server) await fleet.endpoint.ready(signal)
      signal.throwIfAborted()
      const chosen = server ?? some()
      if (!chosen) throw new Unavailable('no vLLM server is ready')
      try {
        return await once(chosen, question, signal)
      } catch (error) {
        if (!(error instanceof Unavailable) || signal.aborted) throw error
        // No loss of the record's: it had no seat, and whoever else was asked went on.
        if (++failures >= tries) throw new Unavailable(error.message, { endpoint: chosen.name, cause: error })
        await pause(delay({ from: 100, to: 1_000 }, failures - 1), signal)
      }
    }
  }

  return {
    /** @throws Unavailable when none is ready now */
    some: (): Server => {
      const server = some()
      if (!server) throw new Unavailable('no vLLM server is ready')
      return server
    },
    tokenize: (text: string, special: boolean, signal: AbortSignal) =>
      ask((server, s) => server.tokenize(text, special, s), signal),
    detokenize: (tokens: readonly number[], signal: AbortSignal) =>
      ask((server, s) => server.detokenize(tokens, s), signal),
  }
}
export type Questions = ReturnType<typeof questions>
