import { megabytes, seconds, minutes } from './topic.ts'

export interface Retry {
  /** How often a bug is tried before it is a dead letter. `Unavailable` does not count. */
  attempts: number
  /** Milliseconds of the first delay and of the longest. */
  from: number
  to: number
}

/** How a stage treats its records and its partitions. Times in milliseconds, sizes in bytes. */
export interface Policy {
  /** Records of one partition in work at once. */
  inFlight: number
  /** Of records with one key, one after the other: where the last one counts, and not only that all are done. */
  ordered?: boolean
  /** One attempt of one record. */
  timeout: number
  retry: Retry
  /** The longest that finished work waits for company while the lane is busy; an idle lane settles at once (I5). */
  commitEvery: number
  /** Bytes of records and outputs held by one lane (I6). */
  bytes: number
  /** Positions from the settled prefix to the newest record taken (I6); at most 20,000, so that the note holds it. */
  span: number
  /** Records and bytes in one transaction. */
  batch: { records: number; bytes: number }
}

const base: Policy = {
  inFlight: 16,
  timeout: minutes(2),
  retry: { attempts: 5, from: seconds(0.2), to: seconds(30) },
  commitEvery: 200,
  bytes: megabytes(64),
  span: 10_000,
  batch: { records: 500, bytes: megabytes(8) },
}

/** Cheap commits, many records under way. */
export const bulk = (changes: Partial<Policy> = {}): Policy => ({ ...base, ...changes })

/** A live query waits for every stage: settle soon. */
export const interactive = (changes: Partial<Policy> = {}): Policy => ({ ...base, commitEvery: 20, ...changes })
