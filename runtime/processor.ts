import type { Policy } from './policy.ts'
import type { Message, Topic } from './topic.ts'

/** Once more, or for the first time. */
export interface Try {
  /** 1 for the first. */
  readonly number: number
  /** Endpoints that were lost under this very record: use another one where there is one. */
  readonly avoid: readonly string[]
  /** The record is suspected of killing what it meets: nothing else may share its endpoint. */
  readonly alone: boolean
}

/** What a step may know of the attempt that it is part of. */
export interface Attempt extends Try {
  /** Of the record; empty where it belongs to none. */
  readonly run: string
}

/** What one settled record adds to the totals of its stage. */
export interface Tally {
  readonly run: string
  /** Identifies the record in its run: seeds its bootstrap weights, so that they are the same wherever it is folded. */
  readonly id: string
  /** e.g. `kept`, `filtered`, `graded`. */
  readonly outcome: string
  readonly reason?: string | undefined
  /** How often it counts (default 1); −1 takes a superseded reject back. */
  readonly times?: number
  /** Added up, e.g. tokens and calls. */
  readonly sums?: Readonly<Record<string, number>> | undefined
  /** Averaged with intervals, under a group such as a dataset. */
  readonly figures?: { readonly group: string; readonly values: Readonly<Record<string, number>> } | undefined
}

export interface ProcessorOptions<In, Ports> {
  /** A verb. */
  name: string
  from: Topic<In>
  to: readonly Topic[]
  policy: Policy
  /** Waits only on what it is handed. Doing it twice does no harm. */
  step(value: In, ports: Ports, signal: AbortSignal, attempt: Attempt): Promise<Message[]>
  /** A record without a value was read: forget what its key stood for. Without this, such a record is rejected. */
  forget?(key: string, ports: Ports, signal: AbortSignal, attempt: Attempt): Promise<Message[]>
  /** Which run and record a value is of. Default: the key's parts before and after the first `/`. */
  tally?(value: In, outputs: readonly Message[]): Omit<Tally, 'run' | 'id'>
}

export type Processor<In = never, Ports = never> = ProcessorOptions<In, Ports>

/** A processor is a value; all that the log must know of it stands at its top. */
export const processor = <In, Ports>(options: ProcessorOptions<In, Ports>): Processor<In, Ports> => options
