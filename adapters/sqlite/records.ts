/** Records in the file: appending under the lane's next position, reading a range. */
import type { Outgoing, Stored, Taken } from '../../runtime/log.ts'
import type { Headers } from '../../runtime/topic.ts'
import type { Database } from './database.ts'
import { lastPosition, position, rowid } from './layout.ts'

/** The batch asks for what this log cannot take; nothing of it was written. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

interface Target {
  lane: number
  next: number
  compact: number
  maxBytes: number
}

/** Writes inside the caller's transaction. Returns the lanes that grew. @throws Refusal */
export const append = (db: Database, records: readonly Outgoing[]): number[] => {
  const targets = new Map<string, Target>()
  for (const record of records) {
    const name = `${record.partition} ${record.topic}`
    const target = targets.get(name) ?? targetOf(db, record)
    targets.set(name, target)
    write(db, target, record)
  }
  const grown = [...targets.values()]
  for (const { lane, next } of grown) db.sql('UPDATE lanes SET next = ? WHERE id = ?').run(next, lane)
  return grown.map(({ lane }) => lane)
}

const targetOf = (db: Database, { topic, partition }: Outgoing): Target => {
  const found = db
    .sql(
      `SELECT l.id lane, l.next, t.compact, t.max_bytes maxBytes FROM topics t
        LEFT JOIN lanes l ON l.topic = t.id AND l.partition = ? WHERE t.name = ?`,
    )
    .get(partition, topic)
  if (!found) throw new Refusal(`topic ${topic} does not exist in this log`)
  if (found['lane'] === null) throw new Refusal(`topic ${topic} has no partition ${partition}`)
  return { ...found } as unknown as Target
}

const write = (db: Database, target: Target, record: Outgoing) => {
  const { topic, key, value, timestamp } = record
  if (value && value.length > target.maxBytes)
    throw new Refusal(`a value of ${value.length} bytes is over the ${target.maxBytes} that topic ${topic} takes`)
  const at = target.next++
  if (at > lastPosition) throw new Refusal(`topic ${topic} is out of positions`)
  if (target.compact) supersede(db, target.lane, record, at)
  db.sql(`INSERT INTO records (id, timestamp, headers, key, value) VALUES (${rowid}, ?, ?, ?, ?)`).run(
    target.lane,
    at,
    timestamp,
    packed(record.headers),
    key,
    value,
  )
}

const supersede = (db: Database, lane: number, { topic, key }: Outgoing, at: number) => {
  if (!key) throw new Refusal(`the compacted topic ${topic} takes no record without a key`)
  const older = db.sql('SELECT position FROM newest WHERE lane = ? AND key = ?').get(lane, key)
  if (older) db.sql(`DELETE FROM records WHERE id = ${rowid}`).run(lane, Number(older['position']))
  db.sql('INSERT OR REPLACE INTO newest (lane, key, position) VALUES (?, ?, ?)').run(lane, key, at)
}

/** JSON, because it also carries what UTF-8 cannot (half a surrogate pair); nothing where there is nothing. */
const packed = (headers: Headers) => {
  const json = JSON.stringify(headers)
  return json === '{}' ? null : json
}

export interface Range {
  topic: string
  partition: number
  lane: number
  from: number
  /** First position not wanted. */
  until: number
}

const columns = `SELECT ${position}, timestamp, headers, key, value FROM records`
const inRange = `id >= ${rowid} AND id < ${rowid}`
type Row = [
  position: number,
  timestamp: number,
  headers: string | null,
  key: Uint8Array | null,
  value: Uint8Array | null,
]

/**
 * Records of a range, at most `max.records` and `max.bytes`, but always one where there is one. `next` is where to go
 * on: past the last record, or `until` when there is no more.
 */
export const scan = (db: Database, range: Range, max: { records: number; bytes: number }): Taken => {
  const { lane, from, until } = range
  const statement = db.sql(`${columns} WHERE ${inRange} ORDER BY id LIMIT ?`)
  statement.setReturnArrays(true)
  const records: Stored[] = []
  const limit = Math.max(1, max.records)
  let bytes = 0
  for (const row of statement.iterate(lane, from, lane, until, limit) as unknown as Iterable<Row>) {
    bytes += (row[2]?.length ?? 0) + (row[3]?.length ?? 0) + (row[4]?.length ?? 0)
    const last = records.at(-1)
    if (last && bytes > max.bytes) return { records, next: last.position + 1 }
    records.push(stored(range, row))
  }
  return { records, next: records.length === limit ? (records.at(-1)?.position ?? from) + 1 : until }
}

const stored = ({ topic, partition }: Range, [position, timestamp, headers, key, value]: Row): Stored => ({
  topic,
  partition,
  position,
  key: bytesOf(key),
  value: bytesOf(value),
  headers: headers === null ? {} : (JSON.parse(headers) as Headers),
  timestamp,
})

const bytesOf = (found: Uint8Array | null) => found && Buffer.from(found.buffer, found.byteOffset, found.byteLength)
