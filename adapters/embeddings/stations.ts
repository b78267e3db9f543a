/** Several servers of one encoder: who gets the next request, and who is tried out before it gets any. */
import { Fatal, Rejected, Unavailable } from '../../runtime/errors.ts'
import { toError } from '../../runtime/wait.ts'
import { described, sameEncoder } from '../encoders.ts'
import { Distrusted } from '../vllm/failures.ts'
import { probes } from './fingerprint.ts'
import type { Ability } from './probe.ts'
import type { EmbeddingServer } from './server.ts'

export interface StationOptions {
  readonly servers: readonly EmbeddingServer[]
  /** Belongs to nobody's signal, because others wait for it, too. */
  readonly examine: (server: EmbeddingServer) => Promise<Ability>
  readonly now?: () => number
}

interface Station {
  readonly server: EmbeddingServer
  /** What it can do; undefined: it is tried out before its next request. */
  ability: Promise<Ability> | undefined
  /** Requests under way. */
  busy: number
  /** It failed: others come first until then (milliseconds as `now` tells them). */
  restsUntil: number
}

/** Milliseconds for which a server that failed is passed over where there are others. */
const rest = 2_000

export const stationsOf = ({ servers, examine, now = () => performance.now() }: StationOptions) => {
  const all: Station[] = servers.map((server) => ({ server, ability: undefined, busy: 0, restsUntil: 0 }))
  let first: { readonly name: string; readonly ability: Ability } | undefined

  const admitted = async (server: EmbeddingServer) => {
    const ability = await examine(server)
    first ??= { name: server.name, ability }
    if (!sameEncoder(first.ability.identity, ability.identity))
      throw new Fatal(
        `${server.name} embeds otherwise than ${first.name}: with ${described(ability.identity)} instead of ` +
          `${described(first.ability.identity)}; let all servers of encoder.urls serve the same model`,
      )
    return ability
  }
  const abilityOf = (station: Station): Promise<Ability> => {
    const found = (station.ability ??= admitted(station.server))
    found.catch(() => (station.ability = undefined))
    return found
  }
  const next = (): Station => {
    const rested = all.filter(({ restsUntil }) => restsUntil <= now())
    const [best] = (rested.length > 0 ? rested : all).toSorted((a, b) => a.busy - b.busy || a.restsUntil - b.restsUntil)
    return best!
  }
  /** Whoever was away may have come back as another one. */
  const fail = (station: Station) => {
    station.ability = undefined
    station.restsUntil = now() + rest
  }
  /** @param use of a server that was found fit; one whose work fails as Unavailable is tried out anew */
  const using = async <T>(
    signal: AbortSignal,
    use: (server: EmbeddingServer, ability: Ability) => Promise<T>,
  ): Promise<T> => {
    const station = next()
    station.busy++
    try {
      return await use(station.server, await abilityOf(station))
    } catch (error) {
      if (error instanceof Unavailable || !(signal.aborted || error instanceof Rejected)) fail(station)
      // While work is under way a server with another model is one that is not there: nothing of it is taken.
      throw error instanceof Fatal
        ? new Unavailable(error.message, { endpoint: station.server.name, cause: error })
        : error
    } finally {
      station.busy--
    }
  }
  return {
    using,
    /** Tries all of them out. @throws Fatal for one that will not do; Unavailable when none answers */
    async open(): Promise<Ability> {
      const tried = await Promise.allSettled(all.map((station) => abilityOf(station)))
      const failures = tried.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
      const unfit = failures.find((error) => !(error instanceof Unavailable))
      if (unfit !== undefined) throw toError(unfit)
      if (!first) throw toError(failures[0])
      return first.ability
    },
  }
}
export type Stations = ReturnType<typeof stationsOf>

/** Does it still take what it took when it was tried out? Else it is the server, and not the text, that is at fault. */
export const stillTakes = async (server: EmbeddingServer, { identity, manner }: Ability, signal: AbortSignal) => {
  try {
    await server.embed({ model: identity.model, texts: probes.slice(0, 1), manner }, signal, identity.dimension)
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    throw new Distrusted(error.message, { endpoint: server.name, cause: error })
  }
}
