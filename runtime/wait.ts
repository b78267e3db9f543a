import type { Retry } from './policy.ts'

/** Full jitter, so that workers that failed together do not come back together. Milliseconds. */
export const delay = (
  { from, to }: Pick<Retry, 'from' | 'to'>,
  failures: number,
  random: () => number = Math.random,
): number => random() * Math.min(to, from * 2 ** failures)

/** Resolves after `ms`, or at once when the signal aborts (it does not throw: the caller looks at the signal). */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end, { once: true })
  })

/** Wakes whoever waits. A ring that nobody waits for is remembered for the next one who does. */
export const bell = () => {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring() {
      rung = true
      wake?.()
    },
    /** Until the next ring, for at most `ms`. */
    async wait(ms = 2 ** 31 - 1): Promise<void> {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      rung = false
      wake = undefined
    },
  }
}

/**
 * Runs `work` with a signal of its own that also aborts after `ms`; then, whether or not `work` heeds it, the promise
 * is rejected with what `late` makes.
 */
export const within = <T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> => {
  if (signal.aborted) return Promise.reject(toError(signal.reason))
  const own = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
    const giveUp = (reason: unknown) => {
      end()
      own.abort(reason)
      reject(toError(reason))
    }
    const stop = () => giveUp(signal.reason)
    const timer = setTimeout(() => giveUp(late()), ms)
    signal.addEventListener('abort', stop, { once: true })
    work(own.signal).then(resolve, reject).finally(end)
  })
}

export interface Branch {
  readonly signal: AbortSignal
  abort(reason: Error): void
  /** Ends the connection to the other signal. */
  release(): void
}

/** A signal of its own that aborts with the given one, too. */
export const branch = (signal: AbortSignal): Branch => {
  const own = new AbortController()
  const stop = () => own.abort(signal.reason)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return {
    signal: own.signal,
    abort: (reason: Error) => own.abort(reason),
    release: () => signal.removeEventListener('abort', stop),
  }
}

export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
