import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../../adapters/sqlite/database.ts'
import { databaseOf, openSqliteLog, type SqliteOptions } from '../../../adapters/sqlite/log.ts'
import { cut } from '../../../adapters/sqlite/prune.ts'
import type { Log } from '../../../runtime/log.ts'
import type { Process, Storage } from '../../conformance/subject.ts'

/** A folder of its own for a test. */
export const scratch = () => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-log-'))
  return { folder, path: join(folder, 'log.sqlite'), drop: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Leases that a test can wait for. */
export const brisk = { lease: 600, heartbeat: 50, poll: 5 } satisfies SqliteOptions

/** Nobody is in the middle of a transaction that writes. */
const unlocked = (path: string): boolean => {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA busy_timeout = 50; BEGIN IMMEDIATE; ROLLBACK')
    return true
  } catch {
    return false
  } finally {
    database.close()
  }
}

/**
 * Stops a process between two of its transactions. One that is stopped inside of one holds up every writer until it
 * goes on, whatever its lease: that is SQLite's, and no test of leases.
 */
export const stopBetween = async (child: Pick<ChildProcess, 'kill'>, path: string): Promise<void> => {
  for (;;) {
    child.kill('SIGSTOP')
    await sleep(20) // others finish what they are writing
    if ([1, 2, 3].some(() => unlocked(path))) return
    child.kill('SIGCONT')
    await sleep(5)
  }
}

export const connection = (log: Log) => {
  const db = databaseOf(log)
  if (!db) throw new Error('no SQLite log')
  return db
}

/** What retention and gaps do to a partition, done on purpose. */
const meddling = (open: () => Promise<Log>): Required<Pick<Storage, 'trim' | 'skip'>> => {
  const meddle = async (topic: string, partition: number, change: (db: Database, lane: number) => void) => {
    const log = await open()
    const db = connection(log)
    await db.change(() => {
      const found = db.sql(
        'SELECT l.id FROM lanes l JOIN topics t ON t.id = l.topic WHERE t.name = ? AND partition = ?',
      )
      change(db, Number(found.get(topic, partition)?.['id']))
    })
    await log.close()
  }
  return {
    trim: (topic: string, partition: number, before: number) =>
      meddle(topic, partition, (db, lane) => cut(db, lane, before)),
    skip: (topic: string, partition: number, positions: number) =>
      meddle(topic, partition, (db, lane) => {
        db.sql('UPDATE lanes SET next = next + ? WHERE id = ?').run(positions, lane)
      }),
  }
}

/** A log in a fresh folder; `process` says how it is opened once more. */
export const storageOf = (process: (path: string) => Promise<Process>): Storage => {
  const { path, drop } = scratch()
  const opened: Process[] = []
  return {
    async process() {
      const made = await process(path)
      opened.push(made)
      return made
    },
    ...meddling(() => openSqliteLog(path, brisk)),
    async drop() {
      await Promise.all(opened.map((each) => each.crash()))
      drop()
    },
  }
}
