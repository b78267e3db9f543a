import type { Batch, Outgoing, Settled, TopicSpec } from '../../runtime/log.ts'
import type { Mischief } from './faults.ts'
import { partition, type Partition } from './partition.ts'

export interface KeptTopic {
  readonly id: string
  readonly spec: TopicSpec
  readonly partitions: readonly Partition[]
}

/** Where a seat's position is kept, and who may change it: the holder with the newest epoch. */
export interface SeatState {
  epoch: number
  settled: Settled | undefined
  /** A settle that its holder was told nothing of, and that may yet land until somebody opens the seat. */
  pending: (() => void) | undefined
}

export type SeatKey = { group: string; topic: string; partition: number } | { group: string; source: string }

/** What the processes of one test share: topics and what groups have settled. Synchronous, so every change is atomic. */
export interface World {
  readonly mischief: Mischief
  readonly topics: ReadonlyMap<string, KeptTopic>
  /** What the users of the log did wrong by the port's contract; a test expects it to stay empty. */
  readonly complaints: string[]
  apply(spec: TopicSpec): void
  seat(key: SeatKey): SeatState
  /** The seat when somebody ever opened it. */
  known(key: SeatKey): SeatState | undefined
  /** Why this log cannot take the batch. */
  refusal(batch: Batch): Error | undefined
  land(seat: SeatState, batch: Batch): void
  /** Positions that an aborted transaction used up. */
  waste(batch: Batch): void
  remove(what: { topics: readonly string[]; groups: readonly string[] }): void
}

const longestNote = 4000

export const world = (mischief: Mischief): World => {
  const topics = new Map<string, KeptTopic>()
  const groups = new Map<string, Map<string, SeatState>>()
  const complaints: string[] = []
  let made = 0

  const partitionOf = ({ topic, partition }: Outgoing) => topics.get(topic)?.partitions[partition]
  const byPartition = (records: readonly Outgoing[]) =>
    Map.groupBy(records, (record) => `${record.topic}/${record.partition}`).values()
  const each = (batch: Batch, act: (where: Partition, records: readonly Outgoing[]) => void) => {
    for (const records of byPartition(batch.records)) {
      const where = records[0] && partitionOf(records[0])
      if (where) act(where, records)
    }
  }

  return {
    mischief,
    topics,
    complaints,
    apply(spec) {
      const found = topics.get(spec.name)
      if (found && found.partitions.length !== spec.partitions) {
        throw new PartitionCount(spec, found.partitions.length)
      }
      if (found) return
      const partitions = Array.from({ length: spec.partitions }, () => partition(mischief, spec.compact))
      topics.set(spec.name, { id: `m${++made}`, spec, partitions })
    },
    seat(key) {
      const group = groups.get(key.group) ?? new Map<string, SeatState>()
      groups.set(key.group, group)
      const state = group.get(nameOf(key)) ?? { epoch: 0, settled: undefined, pending: undefined }
      group.set(nameOf(key), state)
      return state
    },
    known: (key) => groups.get(key.group)?.get(nameOf(key)),
    refusal: ({ records, settled }) =>
      records.map((record) => refusalOf(topics, record)).find(Boolean) ?? noteRefusal(settled),
    land(seat, batch) {
      if (seat.settled && seat.settled.position > batch.settled.position) {
        complaints.push(`a settle moved the position back from ${seat.settled.position} to ${batch.settled.position}`)
      }
      seat.settled = batch.settled
      each(batch, (where, records) => where.append(records))
    },
    waste: (batch) => each(batch, (where, records) => where.skip(records.length)),
    remove({ topics: gone, groups: left }) {
      for (const name of gone) {
        const topic = topics.get(name)
        topics.delete(name)
        for (const where of topic?.partitions ?? []) where.changed()
      }
      for (const group of left) {
        // A holder of a removed seat is fenced for good: the seat that comes after it counts from a later epoch.
        for (const seat of groups.get(group)?.values() ?? [])
          Object.assign(seat, { epoch: seat.epoch + 1, settled: undefined, pending: undefined })
      }
    },
  }
}

const nameOf = (key: SeatKey) => ('source' in key ? `source ${key.source}` : `${key.topic}/${key.partition}`)

class PartitionCount extends Error {
  constructor(spec: TopicSpec, found: number) {
    super(`topic ${spec.name} has ${found} partitions, not ${spec.partitions}: remove it or change the setting`)
  }
}

const refusalOf = (topics: ReadonlyMap<string, KeptTopic>, record: Outgoing): Error | undefined => {
  const found = topics.get(record.topic)
  if (!found) return new Error(`there is no topic ${record.topic}`)
  if (!found.partitions[record.partition])
    return new Error(`topic ${record.topic} has no partition ${record.partition}`)
  const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
  const most = found.spec.maxBytes
  return bytes > most ? new Error(`a record of ${bytes} bytes is too large for ${record.topic} (${most})`) : undefined
}

const noteRefusal = ({ note }: Settled) =>
  note.length > longestNote ? new Error(`a note of ${note.length} characters is longer than ${longestNote}`) : undefined
