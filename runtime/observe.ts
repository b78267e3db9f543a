/** What the runtime says of itself, as ports: the composition root gives it a logger, a meter and a tracer. */
import type { Counter, Gauge, Histogram, LabelsOf } from './metrics.ts'

export type Fields = Readonly<Record<string, unknown>>

export interface Logger {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
}

/** Metrics are those of `metrics.ts`. Nothing here throws or waits. */
export interface Meter {
  /** Adds to a counter. */
  count<N extends Counter>(name: N, value: number, labels: LabelsOf<N>): void
  /** Adds one observation to a histogram (seconds). */
  observe<N extends Histogram>(name: N, value: number, labels: LabelsOf<N>): void
  /**
   * A gauge that is read whenever somebody looks, until the function that comes back is called; then it is gone.
   * `undefined`: there is nothing to say now.
   */
  watch<N extends Gauge>(name: N, read: () => Amount | Promise<Amount>, labels: LabelsOf<N>): () => void
}
export type Amount = number | undefined

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** A piece of work as a trace shows it. */
export interface Span {
  /** W3C trace context for what follows from this work; where nothing is traced, what came in. */
  readonly traceparent: string | undefined
  /** Asked for only where somebody will see it. */
  say(attributes: () => Attributes): void
  /** It did not work out; the sentence must hold nothing of the record. */
  fail(why: string): void
}

export interface Origin {
  /** W3C trace context to continue; a new trace where there is none, or none that is valid. */
  readonly traceparent?: string | undefined
  /** Trace contexts of other work that this belongs to: it is traced when one of them is. */
  readonly links?: () => readonly string[]
}

export interface Tracer {
  /** `work` as a span. What it throws passes through, and counts as its failure. */
  span<T>(name: string, origin: Origin, work: (span: Span) => Promise<T>): Promise<T>
  /** The same as a part of the span in whose work it is called; no span where there is none. */
  part<T>(name: string, work: (span: Span) => Promise<T>): Promise<T>
  /** Something that took no time of its own. */
  mark(name: string, origin: Origin): Span
}

export interface Observe {
  readonly logger: Logger
  readonly meter: Meter
  readonly tracer: Tracer
}

const nothing = () => {}

const unseen = (traceparent?: string): Span => ({ traceparent, say: nothing, fail: nothing })

/** Says nothing, measures nothing. */
export const unobserved: Observe = {
  logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  meter: { count: nothing, observe: nothing, watch: () => nothing },
  tracer: {
    span: (_name, { traceparent }, work) => work(unseen(traceparent)),
    part: (_name, work) => work(unseen()),
    mark: (_name, { traceparent }) => unseen(traceparent),
  },
}
