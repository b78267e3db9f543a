/** A server's own queue bounds how many calls it gets. */
import type { OwnedEndpoint } from '../../../runtime/endpoint.ts'
import { pause, within } from '../../../runtime/wait.ts'
import type { Load } from '../server.ts'

/** So many prompts wait for each that runs: whatever is sent now only makes the queue longer. */
const crowded = 3

/**
 * The most calls after one more look at a busy server; looks come in the order in which they were taken.
 *
 * A queue at two looks in a row: no more calls than there are. A queue many times as long as what runs: one less, down
 * to `start`, because one call has many prompts and a short queue is what keeps a server busy. No queue, or none that
 * can be seen: no bound.
 */
export const bounds = ({ start, max }: { readonly start: number; readonly max: number }) => {
  let queued = 0
  return (load: Load | undefined, limit: number): number => {
    queued = load && load.waiting > 0 ? queued + 1 : 0
    if (!load || queued < 2) return max
    return load.waiting > crowded * load.running ? Math.max(Math.min(start, limit), limit - 1) : limit
  }
}

export interface Looking {
  readonly endpoint: OwnedEndpoint
  readonly concurrency: { readonly start: number; readonly max: number }
  readonly every: number
  readonly limit: number
  readonly load: (signal: AbortSignal) => Promise<Load | undefined>
}

/** Looks at a server's queue while it has calls, until the signal aborts. What cannot be read bounds nothing. */
export const watchLoad = async ({ endpoint, concurrency, every, limit, load }: Looking, signal: AbortSignal) => {
  const bound = bounds(concurrency)
  while (!signal.aborted) {
    await pause(every, signal)
    if (signal.aborted || endpoint.inFlight === 0) continue
    const seen = await within(limit, signal, load, () => new Error('late')).catch(() => undefined)
    endpoint.bound(bound(seen, endpoint.limit))
  }
}
