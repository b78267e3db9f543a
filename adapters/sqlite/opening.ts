/** Opens the file, or says in one sentence why it cannot be the log and what to do. */
import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Fatal } from '../../runtime/errors.ts'
import { code, primary, translated, unusable } from './failures.ts'
import { applicationId, layoutVersion, tables } from './layout.ts'

export interface Opening {
  synchronous: 'NORMAL' | 'FULL'
  /** Largest size of the file in bytes. */
  maxBytes: number | undefined
}

const pageSize = 8192
/** Blocks the event loop at most this long for a lock; after that the caller waits without blocking. */
const lockWait = 20

/** @throws Fatal, or SQLite's own "busy" while another process is making the file. */
export const openFile = (path: string, options: Opening): DatabaseSync => {
  const file = handleOf(path)
  try {
    verify(path, file)
    prepare(path, file, options)
    return file
  } catch (error) {
    file.close()
    throw unusable(error) ? explained(path, error) : error
  }
}

const handleOf = (path: string) => {
  try {
    return new DatabaseSync(path, { timeout: lockWait })
  } catch (error) {
    throw explained(path, error)
  }
}

/** Before anything is changed: is it empty, or ours and of a layout that this program knows? */
const verify = (path: string, file: DatabaseSync) => {
  const { version, application, parts } = file
    .prepare(
      `SELECT (SELECT user_version FROM pragma_user_version) version, (SELECT count(*) FROM sqlite_schema) parts,
        (SELECT application_id FROM pragma_application_id) application`,
    )
    .get() as { version: number; application: number; parts: number }
  if (parts > 0 && application !== applicationId)
    throw new Fatal(`${path} is a SQLite database of another program: choose another path for the log`)
  if (version > layoutVersion)
    throw new Fatal(
      `the log ${path} has layout ${version} and this program knows layouts up to ${layoutVersion}: use the newer program that wrote it`,
    )
  return version
}

const prepare = (path: string, file: DatabaseSync, { synchronous, maxBytes }: Opening) => {
  file.exec(`PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = INCREMENTAL`)
  const mode = file.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal')
    throw new Fatal(`${path} lies on a file system without shared memory (a network folder?): choose a local path`)
  file.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384`)
  if (maxBytes !== undefined) file.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`)
  file.exec('BEGIN IMMEDIATE')
  // Again, under the lock: two processes may make the file at once.
  if (verify(path, file) === 0) file.exec(tables)
  file.exec('COMMIT')
}

const openable = (path: string) => {
  try {
    closeSync(openSync(path, 'r+'))
    return true
  } catch {
    return false
  }
}

const explained = (path: string, error: unknown): Error => {
  if (error instanceof Fatal) return error
  const because = (text: string) => new Fatal(text, { cause: error })
  const folder = dirname(path)
  if (!existsSync(folder)) return because(`the folder ${folder} of the log does not exist: create it`)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory()) return because(`${path} is a folder: name a file for the log`)
  if (found && !openable(path))
    return because(`the log ${path} is read-only for this user: change its permissions or choose another path`)
  if (primary(error) === code.cannotOpen || primary(error) === code.readOnly)
    return because(`the folder ${folder} is read-only for this user: the log needs to write files there`)
  return translated(error, path)
}
