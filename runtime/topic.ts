/** Text headers of a record. Bytes that are not UTF-8 are an adapter's business: it must give back what it got. */
export type Headers = Readonly<Record<string, string>>

/** What a topic is on any log. Control topics are one per prefix; all others are one per stream. */
export interface TopicOptions<T> {
  /** A plural noun. */
  name: string
  /** The Avro schema of its values; the runtime only hands it to the codec. Absent: raw bytes (dead letters). */
  schema?: object
  /** The key of a value, e.g. `<run>/<query id>`. A method, so that a topic of any value fits a list of topics. */
  key(value: T): string
  /** Milliseconds that a record is kept at least, or `forever`. */
  retention: number | 'forever'
  /** Only the newest record of each key is kept. */
  compact?: boolean
  /** One per prefix, one partition, read whole by every process. */
  control?: boolean
  /** Keys begin with `<run>/` (default); otherwise only a header can name the run of a record. */
  keyedByRun?: boolean
  /** Largest value in bytes that the log must take (default 16 MB). */
  maxBytes?: number
}

export interface Message<T = unknown> {
  readonly topic: Topic<T>
  readonly key: string
  /** `null` deletes what the key stood for. */
  readonly value: T | null
  readonly headers: Headers
}

export interface Topic<T = unknown> extends Required<Omit<TopicOptions<T>, 'schema'>> {
  readonly schema: object | undefined
  /** A message to this topic, its key taken from the value. */
  message(value: T, headers?: Headers): Message<T>
}

export const megabytes = (n: number) => n * 1024 * 1024

/** Milliseconds, so that a policy reads as it is said. */
export const seconds = (n: number) => n * 1000
export const minutes = (n: number) => n * 60_000
export const days = (n: number) => n * 86_400_000

export const topic = <T>(options: TopicOptions<T>): Topic<T> => {
  const made: Topic<T> = {
    compact: false,
    control: false,
    keyedByRun: true,
    maxBytes: megabytes(16),
    ...options,
    schema: options.schema,
    message: (value, headers = {}) => ({ topic: made, key: options.key(value), value, headers }),
  }
  return made
}

/**
 * The names under which a stream's parts stand on a log: topics `<prefix>.<stream>.<topic>`, groups
 * `<prefix>.<stream>.<stage>`, control topics `<prefix>.<topic>`. One prefixed permission covers a tenant.
 */
export const names = (prefix: string, stream: string) => ({
  prefix,
  stream,
  topic: (t: Pick<Topic, 'name' | 'control'>) => (t.control ? `${prefix}.${t.name}` : `${prefix}.${stream}.${t.name}`),
  group: (stage: string) => `${prefix}.${stream}.${stage}`,
})
export type Names = ReturnType<typeof names>
