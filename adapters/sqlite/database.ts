/** One connection: short transactions, retried without blocking while another process holds the lock. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { busy, translated } from './failures.ts'
import { openFile, type Opening } from './opening.ts'
import { wakes, type Wakes } from './wakes.ts'

export interface Settings extends Opening {
  lease: number
  heartbeat: number
  poll: number
  /** Longest wait for another process's lock, in milliseconds. */
  patience: number
  clock: () => number
}

export interface Database {
  readonly path: string
  readonly settings: Settings
  readonly wakes: Wakes
  readonly closed: boolean
  /** The statement, prepared once. */
  sql(text: string): StatementSync
  /** Reads in one snapshot. @throws Unavailable, Fatal */
  look<T>(work: () => T, signal?: AbortSignal): Promise<T>
  /** Reads and writes in one transaction; a throw undoes it. @throws Unavailable, Fatal, or what `work` threw */
  change<T>(work: () => T, signal?: AbortSignal): Promise<T>
  close(): void
}

export const openDatabase = async (path: string, settings: Settings): Promise<Database> => {
  const file = await patiently(path, settings.patience, () => openFile(path, settings))
  const cached = new Map<string, StatementSync>()
  const sql = (text: string) => {
    const known = cached.get(text)
    if (known) return known
    const made = file.prepare(text)
    cached.set(text, made)
    return made
  }
  const transaction = <T>(begin: string, work: () => T, signal?: AbortSignal) =>
    patiently(path, settings.patience, () => within(file, sql, begin, work), signal)
  const heard = wakes(() => sql('PRAGMA data_version').get()?.['data_version'], settings.poll)
  return {
    path,
    settings,
    wakes: heard,
    sql,
    get closed() {
      return !file.isOpen
    },
    look: (work, signal) => transaction('BEGIN', work, signal),
    change: (work, signal) => transaction('BEGIN IMMEDIATE', work, signal),
    close() {
      if (!file.isOpen) return
      heard.stop()
      cached.clear()
      file.close()
    },
  }
}

const within = <T>(file: DatabaseSync, sql: Database['sql'], begin: string, work: () => T): T => {
  if (!file.isOpen) throw new Fatal('the log was closed')
  sql(begin).run()
  try {
    const result = work()
    sql('COMMIT').run()
    return result
  } catch (error) {
    undo(file, sql)
    throw error
  }
}

/** SQLite may have rolled back by itself (disk full); what failed first is the news, not a failing rollback. */
const undo = (file: DatabaseSync, sql: Database['sql']) => {
  try {
    if (file.isTransaction) sql('ROLLBACK').run()
  } catch {
    // The next BEGIN will say so.
  }
}

/** Full jitter, so that processes that met at the lock do not meet again. */
const pause = (failures: number) => Math.random() * Math.min(100, 5 * 2 ** failures)

const patiently = async <T>(path: string, patience: number, work: () => T, signal?: AbortSignal): Promise<T> => {
  const deadline = performance.now() + patience
  for (let failures = 0; ; failures++) {
    try {
      return work()
    } catch (error) {
      if (!busy(error) || performance.now() > deadline) throw translated(error, path)
      if (signal?.aborted) throw new Unavailable(`stopped while another process held the log ${path}`, { cause: error })
    }
    await sleep(pause(failures))
  }
}
