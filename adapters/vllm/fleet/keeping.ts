/** One server of a fleet as the others see it, and what it is told at its joining: the types. */
import type { EndpointOptions } from '../../../runtime/endpoint.ts'
import type { Observe } from '../../../runtime/observe.ts'
import type { Closing, FleetOptions, Member, Times } from '../members.ts'
import type { Place } from './seating.ts'

/** What all servers of a fleet have in common, with no default left open. */
export interface Keeping<S extends Closing> extends Pick<FleetOptions<S>, 'open' | 'probe' | 'health' | 'load'> {
  readonly concurrency: EndpointOptions['concurrency']
  readonly timeout: number
  readonly breaker: NonNullable<EndpointOptions['breaker']>
  readonly times: Times
  readonly observe: Observe
  readonly random: (() => number) | undefined
}

export interface Kept<S> extends Place, Member {
  /** At once: `room` is looked at by whoever calls. */
  run<T>(work: (server: S, signal: AbortSignal) => Promise<T>, signal: AbortSignal, alone: boolean): Promise<T>
  /** It is well, and is being asked whether it can do the work. */
  readonly probing: boolean
  /** Nothing new; resolves when it has nothing under way any more and is closed. */
  drain(): Promise<void>
  close(): Promise<void>
}
