/**
 * The embedded log: one SQLite file, any number of processes of one machine.
 *
 * Every `settle` is one transaction in write-ahead mode, so a killed process leaves it whole or absent (I2), and it
 * checks the holder's lease and epoch in that same transaction (I4). With `synchronous: 'NORMAL'` a power cut may take
 * the newest commits, whole and in order: input, output and positions lie in the same file, so that work is done again
 * and nothing is lost or doubled within the log. `'FULL'` waits for the disk at every commit.
 */
import { resolve } from 'node:path'
import type { Join, Log } from '../../runtime/log.ts'
import { openDatabase, type Database, type Settings } from './database.ts'
import { join as joined, type Member } from './member.ts'
import { prune } from './prune.ts'
import { read } from './read.ts'
import { seat, settledIn } from './seats.ts'
import { find, forget, make } from './topics.ts'

/** Times in milliseconds. */
export interface SqliteOptions {
  /** A member that gives no sign of life for this long has lost its partitions (default 10,000). */
  lease?: number
  /** Between two signs of life (default 1,000). */
  heartbeat?: number
  /** Between two looks for what other processes wrote, while somebody waits (default 25). */
  poll?: number
  /** Longest wait for another process's transaction (default 5,000). */
  patience?: number
  synchronous?: 'NORMAL' | 'FULL'
  /** The file may not grow beyond this many bytes: the log then behaves as on a full disk. */
  maxBytes?: number
  /** Milliseconds since 1970, for leases and retention. */
  clock?: () => number
}

export interface SqliteLog extends Log {
  /** Deletes records beyond their topic's retention. Runs by itself at opening and every hour. */
  prune(): Promise<void>
}

const databases = new WeakMap<Log, Database>()
/** The connection of a log of this package, for those who keep something beside the records. */
export const databaseOf = (log: Log): Database | undefined => databases.get(log)

export const settingsOf = (options: SqliteOptions): Settings => ({
  lease: options.lease ?? 10_000,
  heartbeat: options.heartbeat ?? 1_000,
  poll: options.poll ?? 25,
  patience: options.patience ?? 5_000,
  synchronous: options.synchronous ?? 'NORMAL',
  maxBytes: options.maxBytes,
  clock: options.clock ?? Date.now,
})

const hour = 3_600_000
const free = { holds: () => true, admit() {}, onFenced() {} }

/**
 * Opens the log, and makes the file where there is none.
 * @throws Fatal with a sentence: missing or read-only folder, no SQLite file, another program's, a newer layout
 */
export const openSqliteLog = async (path: string, options: SqliteOptions = {}): Promise<SqliteLog> => {
  const db = await openDatabase(resolve(path), settingsOf(options))
  const members = new Map<Member, Join>()
  const tidy = housekeeping(db)
  const nudge = (request: Join) => {
    for (const [member, { group, topic }] of members)
      if (group === request.group && topic === request.topic) member.nudge()
  }
  const log: SqliteLog = {
    name: `sqlite ${db.path}`,
    prune: () => prune(db),
    async apply(topics) {
      await db.change(() => {
        for (const spec of topics) make(db, spec)
      })
    },
    describe: (topic) => db.look(() => described(db, topic)),
    async join(request) {
      const member = await joined(db, request, () => nudge(request))
      members.set(member, request)
      return {
        async leave() {
          members.delete(member)
          await member.leave()
        },
      }
    },
    source: (group, name) => seat(db, { group, topic: '', name }, free),
    settled: (group, topic) => db.look(() => settled(db, group, topic)),
    read: (topic, wanted) => read(db, topic, wanted),
    async remove({ topics, groups }) {
      await db.change(() => forget(db, topics, groups))
      db.wakes.notify()
      await prune(db)
    },
    async close() {
      if (db.closed) return
      await Promise.all([...members.keys()].map((member) => member.leave()))
      tidy.stop()
      db.close()
    },
  }
  databases.set(log, db)
  return log
}

/** Retention is enforced in the background; what fails now is tried again in an hour. */
const housekeeping = (db: Database) => {
  const run = () => void prune(db).catch(() => {})
  const timer = setInterval(run, hour).unref()
  run()
  return { stop: () => clearInterval(timer) }
}

const described = (db: Database, topic: string) => {
  const found = find(db, topic)
  return found && { id: found.id, partitions: found.partitions.map(({ first, end }) => ({ first, end })) }
}

const settled = (db: Database, group: string, topic: string) => {
  const found = find(db, topic)
  if (!found) return []
  const known = settledIn(db, group, topic, found.id)
  return found.partitions.map((_, partition) => known.get(partition))
}
