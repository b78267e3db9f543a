/** How a fleet looks to lanes: as one endpoint. */
import type { Endpoint } from '../../../runtime/endpoint.ts'
import type { Fleet, Member } from '../members.ts'

/** Resolves when something holds; to be looked at again whenever something has changed. */
export const watchers = () => {
  const looks = new Set<() => void>()
  return {
    changed: () => looks.forEach((look) => look()),
    until: (holds: () => boolean, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!holds() && !signal.aborted) return
          looks.delete(look)
          signal.removeEventListener('abort', look)
          resolve()
        }
        looks.add(look)
        signal.addEventListener('abort', look, { once: true })
        look()
      }),
  }
}

export const isReady = ({ state }: Member): boolean => state === 'ready'

export const facade = <S>(
  name: string,
  all: () => readonly Member[],
  standing: ReturnType<typeof watchers>,
  call: Fleet<S>['call'],
  closed: AbortSignal,
): Endpoint => {
  const open = () => !all().some(isReady)
  const sum = (of: readonly Member[], count: (member: Member) => number) =>
    of.reduce((total, each) => total + count(each), 0)
  return {
    name,
    get limit() {
      return sum(all().filter(isReady), ({ limit }) => limit)
    },
    get inFlight() {
      return sum(all(), ({ inFlight }) => inFlight)
    },
    get open() {
      return open()
    },
    get breaker() {
      return open() ? 'open' : 'closed'
    },
    ready: (signal) => standing.until(() => !open() || closed.aborted, signal),
    call: (work, signal, hint) =>
      call(name, (_server, s) => work(s), signal, { avoid: [], alone: hint?.alone ?? false }),
  }
}
