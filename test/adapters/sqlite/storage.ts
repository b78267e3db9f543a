import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
