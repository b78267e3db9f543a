/**
 * Retention: whole prefixes of a lane go, oldest first, and `first` moves with them in the same transaction. Bit by
 * bit, so that neither the event loop nor another process waits long.
 */
import type { Database } from './database.ts'
import { position, rowid } from './layout.ts'

/** Records deleted in one transaction. */
const bit = 256
/** Pages given back to the file system in one transaction. */
const pages = 2_048
/** A deletion in a compacted topic is kept this long for those who follow it. */
const tombstones = 86_400_000

/** Deletes what has outlived its topic's retention, and what is left of deleted topics. Stops early once closed. */
export const prune = async (db: Database): Promise<void> => {
  const lanes = await db.look(() =>
    db
      .sql(
        'SELECT l.id, t.retention, t.compact FROM lanes l LEFT JOIN topics t ON t.id = l.topic WHERE t.id IS NULL OR t.retention IS NOT NULL OR t.compact',
      )
      .all(),
  )
  for (const { id, retention, compact } of lanes) {
    const lane = Number(id)
    if (compact === null) await sweep(db, lane)
    if (retention !== null) await expire(db, lane, db.settings.clock() - Number(retention))
    if (compact === 1 && !db.closed) await db.change(() => bury(db, lane))
  }
  await repeat(db, () => giveBack(db))
}

const repeat = async (db: Database, more: () => boolean) => {
  while (!db.closed && (await db.change(more))) await new Promise((resolve) => setImmediate(resolve))
}

/** A lane without a topic. */
const sweep = (db: Database, lane: number) =>
  repeat(db, () => {
    const limits = `SELECT id FROM records WHERE id >= ${rowid} AND id < ${rowid} LIMIT ${bit}`
    const { changes } = db.sql(`DELETE FROM records WHERE id IN (${limits})`).run(lane, 0, lane + 1, 0)
    if (changes > 0) return true
    db.sql('DELETE FROM newest WHERE lane = ?').run(lane)
    db.sql('DELETE FROM lanes WHERE id = ?').run(lane)
    return false
  })

const expire = async (db: Database, lane: number, before: number) => {
  if (await db.look(() => expired(db, lane, before).length === 0)) return
  await repeat(db, () => {
    const old = expired(db, lane, before)
    const last = old.at(-1)
    if (last === undefined) return false
    cut(db, lane, last + 1)
    return old.length === bit
  })
}

/** Inside a transaction: deletes everything before a position. */
export const cut = (db: Database, lane: number, before: number) => {
  db.sql(`DELETE FROM records WHERE id >= ${rowid} AND id < ${rowid}`).run(lane, 0, lane, before)
  db.sql('DELETE FROM newest WHERE lane = ? AND position < ?').run(lane, before)
  db.sql('UPDATE lanes SET first = ? WHERE id = ?').run(before, lane)
}

/** Positions of the lane's oldest records, as far as all are older than `before`. */
const expired = (db: Database, lane: number, before: number): number[] => {
  const oldest = db
    .sql(
      `SELECT ${position} position, timestamp FROM records WHERE id >= ${rowid} AND id < ${rowid} ORDER BY id LIMIT ${bit}`,
    )
    .all(lane, 0, lane + 1, 0)
  const young = oldest.findIndex(({ timestamp }) => Number(timestamp) >= before)
  return oldest.slice(0, young < 0 ? undefined : young).map((row) => Number(row['position']))
}

const bury = (db: Database, lane: number) => {
  const dead = `SELECT id FROM records WHERE id >= ${rowid} AND id < ${rowid} AND value IS NULL AND timestamp < ?`
  const range = [lane, 0, lane + 1, 0, db.settings.clock() - tombstones] as const
  const keys = `SELECT key FROM records WHERE id IN (${dead})`
  db.sql(`DELETE FROM newest WHERE lane = ? AND key IN (${keys})`).run(lane, ...range)
  db.sql(`DELETE FROM records WHERE id IN (${dead})`).run(...range)
}

const giveBack = (db: Database) => {
  db.sql(`PRAGMA incremental_vacuum(${pages})`).all()
  return Number(db.sql('PRAGMA freelist_count').get()?.['freelist_count']) > 0
}
