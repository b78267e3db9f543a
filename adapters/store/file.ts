/**
 * The passage store's file. Each write of a passage takes the next change number, also where it replaces or removes
 * one, so whoever has read up to a number finds all that is new behind it. A removed passage leaves a row without a
 * vector, for the processes that have not heard of it yet; such rows are pruned when a store is opened.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { EmbedderIdentity } from '../../method/ports.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'
import { described, told } from '../encoders.ts'
import { isLocked, translated } from './failures.ts'

const application = 0x6761696e
const version = 1

export interface Row {
  readonly passage: Passage
  readonly vector: Float32Array
}

/** `vector` null: the passage is gone. Title and text are only there when they were asked for. */
export interface Change {
  readonly change: number
  readonly id: string
  readonly title?: string
  readonly text?: string
  readonly vector: Uint8Array | null
}

export interface PassageFile {
  /** Changes whenever another process has written. */
  version(): unknown
  /** Changes up to this number may be missing. */
  pruned(): number
  changes(after: number, withText: boolean): Iterable<Change>
  passage(change: number): Passage
  /** Those of the ids that are there. */
  holds(ids: readonly string[]): string[]
  /** The newest change number that was ever given. */
  last(): number
  /** The same for the life of the file, and of no other file. */
  own(): string
  /** In one transaction, on disk when it returns. */
  upsert(rows: readonly Row[]): void
  remove(ids: readonly string[]): void
  prune(upTo: number): void
  /** In one snapshot. */
  reading<T>(work: () => T): T
  close(): void
}

/** @throws Fatal when the file is no passage store or holds another encoder's vectors; Unavailable while it is locked. */
export const openFile = (file: string, embedder: EmbedderIdentity): PassageFile => {
  const guarded = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw translated(error, file)
    }
  }
  makeFolder(file)
  const database = guarded(() => opened(file))
  const within = <T>(begin: string, work: () => T): T =>
    guarded(() => {
      database.exec(begin)
      try {
        const result = work()
        database.exec('COMMIT')
        return result
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    })
  within('BEGIN IMMEDIATE', () => layOut(database, file, embedder))
  return statements(database, within)
}

const makeFolder = (file: string) => {
  try {
    mkdirSync(dirname(file), { recursive: true })
  } catch (error) {
    throw new Fatal(`the folder of the passage store ${file} cannot be made (${sentence(error)})`, { cause: error })
  }
}

const opened = (file: string): DatabaseSync => {
  const database = new DatabaseSync(file, { timeout: 10_000 })
  try {
    checkLayout(database, file)
    beginWal(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const pragma = (database: DatabaseSync, name: string) => database.prepare(`PRAGMA ${name}`).get()?.[name] as number

/** Before anything is written: the file is empty or ours. */
const checkLayout = (database: DatabaseSync, file: string) => {
  if (pragma(database, 'schema_version') === 0) return
  if (pragma(database, 'application_id') !== application)
    throw new Fatal(`${file} is a database of another program, not a passage store; name another file`)
  const layout = pragma(database, 'user_version')
  if (layout !== version)
    throw new Fatal(`${file} is a passage store of layout ${layout}; this version reads layout ${version}`)
}

/** Two processes may create the file at once, and the switch to WAL does not wait for a lock. */
const beginWal = (database: DatabaseSync) => {
  for (let attempt = 0; ; attempt++) {
    try {
      return database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    } catch (error) {
      if (!isLocked(error) || attempt === 100) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20 + Math.random() * 80)
    }
  }
}

const layOut = (database: DatabaseSync, file: string, embedder: EmbedderIdentity) => {
  if (pragma(database, 'schema_version') === 0)
    database.exec(`
      PRAGMA application_id = ${application};
      PRAGMA user_version = ${version};
      CREATE TABLE passages (
        change INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, text TEXT NOT NULL, vector BLOB
      );
      CREATE TABLE manifest (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
      INSERT INTO manifest VALUES ('pruned', 0);
    `)
  database.prepare(`INSERT INTO manifest VALUES ('own', ?) ON CONFLICT DO NOTHING`).run(randomUUID())
  checkEncoder(database, file, embedder)
}

const checkEncoder = (database: DatabaseSync, file: string, embedder: EmbedderIdentity) => {
  const ours = told(embedder)
  database.prepare(`INSERT INTO manifest VALUES ('embedder', ?) ON CONFLICT DO NOTHING`).run(ours)
  const theirs = String(database.prepare(`SELECT value FROM manifest WHERE name = 'embedder'`).get()?.['value'])
  if (theirs !== ours)
    throw new Fatal(
      `${file} holds vectors of ${noted(theirs)}, but the encoder in use is ${described(embedder)}; ` +
        'use that encoder or index into another file',
    )
}

/** The encoder that the file notes, for people. */
const noted = (json: string): string => {
  try {
    return described(JSON.parse(json) as EmbedderIdentity)
  } catch (error) {
    return `an encoder that cannot be read (${sentence(error)})`
  }
}

const statements = (database: DatabaseSync, within: <T>(begin: string, work: () => T) => T): PassageFile => {
  const changed = (columns: string) =>
    database.prepare(`SELECT change, id, vector${columns} FROM passages WHERE change > ? ORDER BY change`)
  const bare = changed('')
  const whole = changed(', title, text')
  const passage = database.prepare('SELECT id, title, text FROM passages WHERE change = ?')
  const write = database.prepare('INSERT OR REPLACE INTO passages (id, title, text, vector) VALUES (?, ?, ?, ?)')
  const bury = database.prepare(
    `INSERT OR REPLACE INTO passages (id, title, text) SELECT id, '', '' FROM passages WHERE id = ? AND vector IS NOT NULL`,
  )
  const pruned = database.prepare(`SELECT value FROM manifest WHERE name = 'pruned'`)
  const own = database.prepare(`SELECT value FROM manifest WHERE name = 'own'`)
  const last = database.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'passages'`)
  const there = database.prepare('SELECT 1 FROM passages WHERE id = ? AND vector IS NOT NULL')
  const dataVersion = database.prepare('PRAGMA data_version')
  return {
    version: () => dataVersion.get()?.['data_version'],
    pruned: () => Number(pruned.get()?.['value'] ?? 0),
    changes: (after, withText) => (withText ? whole : bare).iterate(after) as unknown as Iterable<Change>,
    passage: (change) => {
      const { id, title, text } = passage.get(change) as unknown as Passage
      return { id, title, text }
    },
    holds: (ids) => ids.filter((id) => there.get(id) !== undefined),
    last: () => Number(last.get()?.['seq'] ?? 0),
    own: () => String(own.get()?.['value']),
    upsert: (rows) =>
      within('BEGIN IMMEDIATE', () => {
        for (const { passage, vector } of rows) write.run(passage.id, passage.title, passage.text, bytes(vector))
      }),
    remove: (ids) =>
      within('BEGIN IMMEDIATE', () => {
        for (const id of ids) bury.run(id)
      }),
    prune: (upTo) =>
      within('BEGIN IMMEDIATE', () => {
        database.prepare('DELETE FROM passages WHERE vector IS NULL AND change <= ?').run(upTo)
        database.prepare(`UPDATE manifest SET value = max(value, ?) WHERE name = 'pruned'`).run(upTo)
      }),
    reading: (work) => within('BEGIN', work),
    close: () => database.close(),
  }
}

/** Little-endian float32, as every machine that Node runs on keeps them. */
const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength)

export const floats = (blob: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(blob).buffer)
