import { Fatal, Rejected, sentence, Unavailable } from './errors.ts'
import type { Endpoint } from './endpoint.ts'
import type { Policy } from './policy.ts'
import type { Try } from './processor.ts'
import { delay, pause, within } from './wait.ts'

/** Why a record became a dead letter. */
export interface Failure {
  readonly kind: 'rejected' | 'failed' | 'poison' | 'unwritable' | 'given up'
  readonly reason: string
  readonly attempts: number
}

export type Tried<T> = { readonly value: T; readonly attempts: number } | { readonly failure: Failure }

export interface World {
  readonly policy: Pick<Policy, 'timeout' | 'retry'>
  /** What the step calls. Their breakers hold attempts back. */
  readonly endpoints: readonly Endpoint[]
  /** A request that is known to be harmless; throws when the endpoint does not answer it. */
  readonly canary?: ((signal: AbortSignal) => Promise<void>) | undefined
  readonly random?: (() => number) | undefined
}

/** A record that was in flight at this many losses is a suspect: it is tried alone from then on. */
const suspicious = 3

const answers = async (canary: NonNullable<World['canary']>, signal: AbortSignal) =>
  canary(signal).then(
    () => true,
    () => false,
  )

/**
 * Tries one record until it is done or given up (the failure policy).
 *
 * `Rejected` ends at once; `Unavailable` waits as long as it takes and counts nothing; anything else is tried
 * `retry.attempts` times. A record under which an endpoint was lost three times is tried alone, after a harmless
 * request has passed there; if the endpoint is lost once more and the harmless request passes again, the record is
 * poison: four losses at the most. While the harmless request fails it is the world, and the record waits.
 *
 * @throws Fatal, and the signal's reason when it aborts: then the record is left for the next owner.
 */
export const tried = async <T>(
  step: (signal: AbortSignal, attempt: Try) => Promise<T>,
  { policy, endpoints, canary, random }: World,
  signal: AbortSignal,
  onRetry: (error: unknown, attempt: number) => void = () => {},
): Promise<Tried<T>> => {
  const avoid: string[] = []
  let [bugs, losses, waits] = [0, 0, 0]
  const breathe = (failures: number) => pause(delay(policy.retry, failures, random), signal)
  const late = () => new Unavailable(`a step took longer than ${policy.timeout / 1000} s`, { inFlight: true })
  /** An endpoint limits its own calls, and only while they run: waiting for a slot is no fault of the record. */
  const limited = (work: (signal: AbortSignal) => Promise<T>) =>
    endpoints.length > 0 ? work(signal) : within(policy.timeout, signal, work, late)

  /** Until a harmless request passes; false when there is none to send. */
  const harmless = async () => {
    if (!canary) return false
    while (!signal.aborted && !(await answers(canary, signal))) await breathe(waits++)
    return !signal.aborted
  }

  for (let number = 1; ; number++) {
    if (endpoints.length > 0 && endpoints.every(({ open }) => open)) {
      await Promise.race(endpoints.map((each) => each.ready(signal)))
    }
    const alone = losses >= suspicious
    if (alone) await harmless()
    signal.throwIfAborted()
    try {
      const attempt = { number, avoid: [...avoid], alone }
      return { value: await limited((s) => step(s, attempt)), attempts: number }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Fatal) throw error
      const failure = (kind: Failure['kind'], reason = sentence(error)) => ({
        failure: { kind, reason, attempts: number },
      })
      if (error instanceof Rejected) return failure('rejected')
      onRetry(error, number)
      if (!(error instanceof Unavailable)) {
        if (++bugs >= policy.retry.attempts) return failure('failed')
        await breathe(bugs - 1)
        continue
      }
      if (error.inFlight) losses++
      if (error.inFlight && error.endpoint !== undefined) avoid.push(error.endpoint)
      if (alone && error.inFlight && (await harmless())) {
        return failure('poison', `${losses} losses while it was in flight, the last one alone: ${sentence(error)}`)
      }
      await breathe(waits++)
    }
  }
}
