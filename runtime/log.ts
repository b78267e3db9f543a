/**
 * The log: what the runtime needs from Kafka, from the SQLite file, or from a log that you write.
 *
 * The conformance suite (`test/conformance`) holds every implementation to the invariants below; lanes and the rest of
 * the runtime rely on nothing else.
 *
 * - **I1** Each record of a partition is handed to one live member of a group at a time.
 * - **I2** A record's outputs, totals, reject and its being settled become visible together or not at all.
 * - **I3** Records of a partition finish out of order; what was settled is never worked on again.
 * - **I4** Who has lost a partition cannot settle anything in it, whatever it still believes.
 * - **I5** No remote call happens inside a transaction; a transaction is as short as writing its records.
 * - **I6** Records in work, bytes held and the span from the settled prefix are bounded, whatever the backlog.
 * - **I7** On a graceful stop finished work is settled and unfinished work is left for the next owner.
 * - **I8** `--until-empty` ends when everything that was there has been settled by any member of the group.
 * - **I9** Nothing resets itself: trimmed input, a recreated topic or a lost position stops the lane with a sentence.
 */
import type { Headers, Topic } from './topic.ts'

/** A record as a log keeps it. Positions are opaque whole numbers below 2^53: increasing within a partition, with gaps. */
export interface Stored {
  readonly topic: string
  readonly partition: number
  readonly position: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Headers
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

/** A record to be written: the log gives it its position. */
export type Outgoing = Omit<Stored, 'position'>

/**
 * How far a holder has come: everything before `position` is settled; `note` is what the runtime wants back with it
 * (at most 4,000 ASCII characters; see `note.ts`), written and read as one with the position.
 */
export interface Settled {
  readonly position: number
  readonly note: string
}

export interface Batch {
  readonly records: readonly Outgoing[]
  readonly settled: Settled
}

/**
 * How a `settle` ended.
 * - `done`: all of the batch is durable and will be seen by readers.
 * - `fenced`: nothing of it was written, and this holder may never write again: somebody else opened the seat.
 * - `unknown`: it was written whole or not at all, and only `open` can tell; also for a holder that was shut out by one
 *   who was not entitled, and may open again.
 * - `refused`: nothing was written and the batch is at fault (a record that this log cannot take); the seat stays open.
 */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'unknown'; readonly cause: Error }
  | { readonly kind: 'refused'; readonly cause: Error }

/** One who may settle: the holder of a partition, or a source that writes into the log from outside. */
export interface Seat {
  /**
   * Shuts out every earlier holder, then reads what was settled, in this order. `undefined`: nothing ever was.
   * @throws Unavailable while the log cannot be reached; Fatal when this holder may not open it. A claim that was given
   * away in the meantime throws Fatal only after its `lost` was aborted, and shuts nobody out.
   */
  open(signal: AbortSignal): Promise<Settled | undefined>
  /** One transaction: the records and the position, together or not at all. Never throws; one call at a time. */
  settle(batch: Batch): Promise<Outcome>
  /** Gives up what `open` took. */
  close(): Promise<void>
}

/** Records read, and the position to read on from (past gaps, too: `next` may move without a record). */
export interface Taken {
  readonly records: readonly Stored[]
  readonly next: number
}

/** A partition that this member holds at present. */
export interface Claim extends Seat {
  readonly topic: string
  readonly partition: number
  /** Aborted once the partition was given to somebody else or the member left. */
  readonly lost: AbortSignal
  /**
   * The committed records at `from` and after it: at most `max.records`, and no more than `max.bytes` in all except
   * that one record always comes. Waits until there is one; comes back empty-handed when `signal` or `lost` aborts.
   * Not calling it pauses the partition and never costs the membership.
   * @throws Fatal when records from `from` on were deleted or the topic is gone (I9); Unavailable.
   */
  take(from: number, max: { records: number; bytes: number }, signal: AbortSignal): Promise<Taken>
}

export interface Join {
  group: string
  topic: string
  /** Called for each partition as it becomes this member's; must not throw. */
  onClaim(claim: Claim): void
  /** Called when membership is over for a reason that waiting cannot mend. */
  onFailure(error: Error): void
}

export interface Membership {
  /** Leaves the group; its claims are lost from here on. */
  leave(): Promise<void>
}

/**
 * Where a partition begins and ends. `end` lies after every record of every settle that had landed when it was asked
 * for, whether its outcome was known or not and whether readers see it yet or not; no record need stand right before it.
 */
export interface Bounds {
  readonly first: number
  readonly end: number
}

export interface TopicInfo {
  /** Changes when a topic of the same name is made anew. */
  readonly id: string
  readonly partitions: readonly Bounds[]
}

export interface ReadOptions {
  /** First position wanted, per partition (default: the first there is). */
  from?: readonly number[]
  /** First position no longer wanted, per partition. Default: where the partitions end now. `forever` follows. */
  until?: readonly number[] | 'forever'
  signal?: AbortSignal
}

/** A topic as a log is asked to keep it. */
export type TopicSpec = Pick<Topic, 'retention' | 'compact' | 'maxBytes'> & { name: string; partitions: number }

export interface Log {
  /** Which log this is, for people: `sqlite /path/log.sqlite`, `kafka 127.0.0.1:9092`. */
  readonly name: string
  /** Makes the topics that are missing, where this log lets a worker do so; verifies the others (partition count). */
  apply(topics: readonly TopicSpec[]): Promise<void>
  describe(topic: string): Promise<TopicInfo | undefined>
  join(request: Join): Promise<Membership>
  /**
   * A seat without a partition, for what enters from outside: a file's records and its position commit together.
   * `group` and `name` identify the source; a second holder of the same name fences the first.
   */
  source(group: string, name: string): Seat
  /** What a group has settled, per partition of the topic. */
  settled(group: string, topic: string): Promise<readonly (Settled | undefined)[]>
  /**
   * Committed records, without a group: each partition in order, the partitions in any order. Waits until what was
   * committed before `until` can be seen. Ends without throwing when `signal` aborts.
   */
  read(topic: string, options?: ReadOptions): AsyncIterable<Stored>
  /** Deletes topics and what the groups have settled. */
  remove(what: { topics: readonly string[]; groups: readonly string[] }): Promise<void>
  close(): Promise<void>
}
