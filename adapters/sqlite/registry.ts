/** The schemas of a log that is a file, kept in that file. */
import { resolve } from 'node:path'
import { Fatal, Rejected } from '../../runtime/errors.ts'
import type { Log } from '../../runtime/log.ts'
import type { SchemaRegistry } from '../../schemas/registry.ts'
import { openDatabase, type Database } from './database.ts'
import { databaseOf, settingsOf } from './log.ts'

/**
 * Ids are stable and the same JSON has the same id under every subject. Given a log it shares the log's connection;
 * given a path it opens one of its own when it is first asked.
 * @throws Fatal when the log is no SQLite log of this package
 */
export const sqliteRegistry = (log: Log | string): SchemaRegistry => {
  const database = connection(log)
  const known = new Map<number, object>()
  return {
    async register(subject, schema) {
      const db = await database()
      const json = JSON.stringify(schema)
      return (await db.look(() => idOf(db, subject, json))) ?? (await db.change(() => enter(db, subject, json)))
    },
    async schema(id) {
      const schema = known.get(id) ?? (await fetched(await database(), id))
      known.set(id, schema)
      return schema
    },
  }
}

const connection = (log: Log | string): (() => Promise<Database>) => {
  if (typeof log !== 'string') {
    const shared = databaseOf(log)
    if (!shared) throw new Fatal(`${log.name} keeps no schemas: name another registry`)
    return () => Promise.resolve(shared)
  }
  let opened: Promise<Database> | undefined
  return () => (opened ??= openDatabase(resolve(log), settingsOf({})))
}

const idOf = (db: Database, subject: string, json: string): number | undefined => {
  const found = db
    .sql('SELECT s.id FROM schemas s JOIN subjects b ON b.schema = s.id WHERE b.subject = ? AND s.json = ?')
    .get(subject, json)
  return found && Number(found['id'])
}

const enter = (db: Database, subject: string, json: string): number => {
  db.sql('INSERT OR IGNORE INTO schemas (json) VALUES (?)').run(json)
  const id = Number(db.sql('SELECT id FROM schemas WHERE json = ?').get(json)?.['id'])
  db.sql('INSERT OR IGNORE INTO subjects (subject, schema) VALUES (?, ?)').run(subject, id)
  return id
}

const fetched = async (db: Database, id: number): Promise<object> => {
  const found = await db.look(() => db.sql('SELECT json FROM schemas WHERE id = ?').get(id))
  if (!found)
    throw new Rejected(`no schema has the id ${id} in ${db.path}: the record was not written through this log`)
  return JSON.parse(String(found['json'])) as object
}
