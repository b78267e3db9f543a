import { Rejected, Unavailable } from './errors.ts'
import { unobserved, type Observe } from './observe.ts'
import type { Attempt } from './processor.ts'
import type { Retry } from './policy.ts'
import { delay, pause, within } from './wait.ts'

/**
 * One thing that a step waits for (a server, a model in process), with what protects it:
 *
 * - adaptive concurrency: one more slot after a full round of successes at the limit, half after a failure;
 * - a time limit that starts when the call does, not while it waits for a slot;
 * - a breaker: after `trips` failures in a row nobody calls until a pause with full jitter is over, then one tries;
 * - exclusive calls, for a record that is suspected of killing what it meets.
 */
export interface EndpointOptions {
  readonly name: string
  readonly concurrency: { readonly start: number; readonly max: number }
  /** Milliseconds of one call. */
  readonly timeout: number
  readonly breaker?: { readonly trips: number } & Pick<Retry, 'from' | 'to'>
  readonly random?: () => number
  readonly observe?: Pick<Observe, 'meter' | 'tracer'>
}

export interface Endpoint {
  readonly name: string
  /** Calls allowed at once at present. */
  readonly limit: number
  readonly inFlight: number
  /** The breaker is open: lanes that depend on this endpoint alone pause. */
  readonly open: boolean
  /** After a pause one call decides (`trying`) whether it closes again. */
  readonly breaker: 'closed' | 'trying' | 'open'
  /** Resolves when the breaker lets somebody through, or when the signal aborts. */
  ready(signal: AbortSignal): Promise<void>
  /** @throws Unavailable on timeout (`inFlight`), and whatever `work` throws. */
  call<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal, hint?: Pick<Attempt, 'alone'>): Promise<T>
}

/** For an owner who learns more of an endpoint than its calls show. */
export interface OwnedEndpoint extends Endpoint {
  /** From now on at most this many at once (never more than `max`, never less than 1); a higher limit comes down at once. */
  bound(most: number): void
  /** It is known to be well: the breaker closes for those who come now, and the limit begins at `start` again. */
  renew(): void
}

const kindOf = (error: unknown): string =>
  error instanceof Unavailable ? 'unavailable' : error instanceof Rejected ? 'rejected' : 'failed'

/** How long calls take and how they fail; a call that nobody wants any more has not failed. */
const observed =
  ({ name, observe = unobserved }: EndpointOptions) =>
  <T>(work: (late: () => Unavailable) => Promise<T>, late: () => Unavailable, signal: AbortSignal): Promise<T> =>
    observe.tracer.part(name, async (span) => {
      const began = performance.now()
      let timedOut = false
      try {
        return await work(() => {
          timedOut = true
          return late()
        })
      } catch (error) {
        const kind = timedOut ? 'timeout' : kindOf(error)
        if (!signal.aborted) observe.meter.count('gainstream_endpoint_errors_total', 1, { endpoint: name, kind })
        span.fail(signal.aborted ? 'given up' : kind)
        throw error
      } finally {
        observe.meter.observe('gainstream_endpoint_seconds', (performance.now() - began) / 1000, { endpoint: name })
      }
    })

export const endpoint = (options: EndpointOptions): OwnedEndpoint => {
  const { name, concurrency, timeout, random } = options
  const observing = observed(options)
  const breaker = options.breaker ?? { trips: 5, from: 500, to: 30_000 }
  let ceiling = concurrency.max
  let limit = Math.min(concurrency.start, ceiling)
  let inFlight = 0
  let exclusive = false
  let suspects = 0 // exclusive calls that wait: nobody else enters before them
  let successes = 0
  let failures = 0
  let opens = 0
  let openUntil = 0
  const queue: (() => void)[] = []
  const isOpen = () => Date.now() < openUntil
  /** After a pause of the breaker one call decides. */
  const allowed = () => (opens > 0 ? 1 : limit)
  const free = (alone: boolean) =>
    !isOpen() && (alone ? inFlight === 0 : !exclusive && suspects === 0 && inFlight < allowed())
  const wake = () => queue.splice(0).forEach((go) => go())

  const slot = async (alone: boolean, signal: AbortSignal) => {
    if (alone) suspects++
    while (!signal.aborted && !free(alone)) {
      if (isOpen()) await pause(openUntil - Date.now(), signal)
      else
        await new Promise<void>((resolve) => {
          const go = () => {
            signal.removeEventListener('abort', go)
            resolve()
          }
          queue.push(go)
          signal.addEventListener('abort', go, { once: true })
        })
    }
    if (alone) suspects--
    if (signal.aborted) wake()
    signal.throwIfAborted()
    inFlight++
    exclusive = alone
  }

  const succeeded = () => {
    failures = 0
    opens = 0
    if (++successes < limit) return
    successes = 0
    limit = Math.min(limit + 1, ceiling)
  }

  const failed = () => {
    successes = 0
    limit = Math.max(1, Math.floor(limit / 2))
    if (++failures < breaker.trips) return
    failures = breaker.trips - 1 // the one that tries after the pause decides alone
    openUntil = Date.now() + Math.max(breaker.from / 2, delay(breaker, opens++, random))
  }

  return {
    name,
    get limit() {
      return limit
    },
    get inFlight() {
      return inFlight
    },
    get open() {
      return isOpen()
    },
    get breaker() {
      return isOpen() ? 'open' : opens > 0 ? 'trying' : 'closed'
    },
    bound(most) {
      ceiling = Math.max(1, Math.min(most, concurrency.max))
      limit = Math.min(limit, ceiling)
    },
    renew() {
      successes = failures = opens = openUntil = 0
      limit = Math.min(concurrency.start, ceiling)
      wake()
    },
    async ready(signal) {
      while (isOpen() && !signal.aborted) await pause(openUntil - Date.now(), signal)
    },
    async call(work, signal, hint) {
      await slot(hint?.alone ?? false, signal)
      const late = () =>
        new Unavailable(`${name} did not answer within ${timeout / 1000} s`, { endpoint: name, inFlight: true })
      try {
        const value = await observing((tooLate) => within(timeout, signal, work, tooLate), late, signal)
        succeeded()
        return value
      } catch (error) {
        if (error instanceof Unavailable && !signal.aborted) failed()
        throw error
      } finally {
        inFlight--
        exclusive = false
        wake()
      }
    },
  }
}
