import type { Stored, Taken } from './log.ts'
import type { Headers } from './topic.ts'

/** What a stage reads where that is a stretch of another stream's topic: a replay. */
export interface Input {
  /** The topic's whole name. */
  readonly topic: string
  /** First position that is read, per partition. */
  readonly from: readonly number[]
  /** First position that is no longer read, per partition. */
  readonly until: readonly number[]
  /** For the headers of what comes of it: `<stream>/<topic>`. */
  readonly origin: string
  /** Go with every output, in the place of those that the records came with. */
  readonly headers: Headers
}

/** What was taken, without what lies at or past the end. */
export const upTo = ({ records, next }: Taken, until: number): Taken =>
  next <= until ? { records, next } : { records: records.filter(({ position }) => position < until), next: until }

/** Where each partition ends for who waits until all of it is settled: 0 where there is nothing to settle. */
export const endsOf = ({ from, until }: Pick<Input, 'from' | 'until'>): number[] =>
  until.map((end, partition) => (end <= (from[partition] ?? 0) ? 0 : end))

/** A record that was sent once more to the topic where it stands already, and where it stands first. */
const sentAgain = 'supersedes.position'

/** The headers of a copy: where its first original stands, however often it was sent. */
export const copyOf = ({ position, headers }: Pick<Stored, 'position' | 'headers'>): Headers => ({
  [sentAgain]: headers[sentAgain] ?? String(position),
})

/** The record is a copy of one that lies at or after `from` in the same partition: whoever reads on from there has it. */
export const isCopy = ({ headers }: Pick<Stored, 'headers'>, from: number): boolean =>
  headers[sentAgain] !== undefined && Number(headers[sentAgain]) >= from

/** Where the first original of a record stands: in its own place, if it is no copy. */
export const rootOf = ({ position, headers }: Pick<Stored, 'position' | 'headers'>): number =>
  Number(headers[sentAgain] ?? position)
