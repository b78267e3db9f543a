/** What the runtime says of itself, as ports: the composition root gives it a logger, a meter and a tracer. */
export type Fields = Readonly<Record<string, unknown>>
export type Labels = Readonly<Record<string, string | number>>

export interface Logger {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
}

export interface Meter {
  /** Adds to a counter. */
  count(name: string, value: number, labels?: Labels): void
  /** Sets a gauge. */
  gauge(name: string, value: number, labels?: Labels): void
  /** Adds one observation to a histogram (seconds or bytes, as the name says). */
  observe(name: string, value: number, labels?: Labels): void
}

export interface Tracer {
  /** Runs `work` inside a span that continues `traceparent`, and hands it the span's own traceparent. */
  span<T>(
    name: string,
    traceparent: string | undefined,
    work: (traceparent: string | undefined) => Promise<T>,
  ): Promise<T>
}

export interface Observe {
  readonly logger: Logger
  readonly meter: Meter
  readonly tracer: Tracer
}

const nothing = () => {}

/** Says nothing, measures nothing. */
export const unobserved: Observe = {
  logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  meter: { count: nothing, gauge: nothing, observe: nothing },
  tracer: { span: (_name, traceparent, work) => work(traceparent) },
}
