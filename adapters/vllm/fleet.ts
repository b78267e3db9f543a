import type { Hint } from '../../method/ports.ts'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { unobserved } from '../../runtime/observe.ts'
import { branch, pause } from '../../runtime/wait.ts'
import { follow } from './addresses.ts'
import { facade, isReady, watchers } from './fleet/facade.ts'
import type { Keeping, Kept } from './fleet/keeping.ts'
import { roll } from './fleet/roll.ts'
import { seating } from './fleet/seating.ts'
import type { Closing, Fleet, FleetOptions, Member, Times } from './members.ts'

const usual: Omit<Times, 'probeLimit'> = {
  ...{ health: 5000, healthLimit: 2000, misses: 3 },
  ...{ retry: { from: 500, to: 30_000 }, refused: 60_000, load: 2000 },
  ...{ dns: 10_000, file: 2000 },
}

const keepingOf = <S extends Closing>(options: FleetOptions<S>): Keeping<S> => ({
  ...{ open: options.open, probe: options.probe, health: options.health, load: options.load },
  ...{ timeout: options.timeout, random: options.random },
  concurrency: options.concurrency ?? { start: 2, max: 8 },
  breaker: options.breaker ?? { trips: 5, from: 500, to: 30_000 },
  // A server that takes longer for a probe than a call may take is of no use.
  times: { probeLimit: options.timeout, ...usual, ...options.times },
  observe: options.observe ?? unobserved,
})

const nobody: Hint = { avoid: [], alone: false }

/** Why there is nothing to call, server by server. */
const unusable = (name: string, members: readonly Member[], trouble: string | undefined) => {
  const named = (key: string, reason: string) => (reason.startsWith(key) ? reason : `${key}: ${reason}`)
  const reasons = members.map(({ key, reason }) => named(key, reason ?? 'not ready'))
  const why = [...(trouble === undefined ? [] : [trouble]), ...reasons].join('; ') || 'no server is known'
  const refused = members.length > 0 && members.every(({ state }) => state === 'refused')
  return refused
    ? new Fatal(`${name}: no server can do this work: ${why}`)
    : new Unavailable(`${name}: no server is ready: ${why}`, { endpoint: name })
}

/**
 * Opens what the source names, and waits for the first server whose probe passes.
 *
 * @throws Fatal when all servers are refused, or the source names none; Unavailable when none is ready in time
 */
export const openFleet = async <S extends Closing>(options: FleetOptions<S>): Promise<Fleet<S>> => {
  const { name = 'vllm', patience = 30_000, source } = options
  const keeping = keepingOf(options)
  const { times, observe } = keeping
  const life = new AbortController()
  const standing = watchers()
  const seats = seating<Kept<S>>(() => servers.members.values())
  const servers = roll<S>(keeping, (place) => {
    seats.changed(place)
    standing.changed()
  })
  const all = () => [...servers.members.values()]
  const anyReady = () => all().some(isReady)
  const unwatch = observe.meter.watch('gainstream_fleet_waiting', () => seats.waiting, { endpoint: name })

  const waiting = new Set<() => void>() // not listeners of one signal: to remove one of many of those is slow
  const call: Fleet<S>['call'] = (key, work, signal, { avoid, alone } = nobody) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        waiting.delete(stop)
        seats.leave(guest)
        reject((life.signal.aborted ? life.signal.reason : signal.reason) as Error)
      }
      const start = (place: Kept<S>) => {
        signal.removeEventListener('abort', stop)
        waiting.delete(stop)
        resolve(place.run(work, signal, alone))
      }
      const guest = { key, avoid, alone, start }
      if (signal.aborted || life.signal.aborted) return stop()
      signal.addEventListener('abort', stop, { once: true })
      waiting.add(stop)
      seats.enter(guest)
    })

  const endpoint = facade(name, all, standing, call, life.signal)
  const fleet: Fleet<S> = {
    endpoint,
    call,
    members: () => all().map(({ key, state, reason, inFlight, limit }) => ({ key, state, reason, inFlight, limit })),
    drain: async (key) => servers.dismiss(key),
    async close() {
      life.abort(new Unavailable(`${name} is closed`, { endpoint: name }))
      waiting.forEach((stop) => stop())
      unwatch()
      await servers.close()
      standing.changed()
    },
  }

  /** Until one is ready, or no one ever will be, or patience is over. */
  const opened = async (trouble: () => string | undefined) => {
    const over = branch(options.signal ?? life.signal)
    const hopeless = () => servers.members.size > 0 && all().every(({ state }) => state === 'refused')
    const decided = () => anyReady() || hopeless()
    await Promise.race([standing.until(decided, over.signal), pause(patience, over.signal)])
    // Whoever is well is heard to the end: a busy server takes its time for a probe, which has a limit of its own.
    await standing.until(() => decided() || !all().some(({ probing }) => probing), over.signal)
    over.abort(new Error('opened'))
    over.release()
    options.signal?.throwIfAborted()
    if (!anyReady()) throw unusable(name, fleet.members(), trouble())
  }

  try {
    const following = { times, logger: observe.logger, lookup: options.lookup }
    const followed = await follow(source, following, (addresses) => servers.update(addresses), life.signal)
    await opened(() => followed.trouble)
    return fleet
  } catch (error) {
    await fleet.close()
    throw error
  }
}
