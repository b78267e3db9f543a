/**
 * One writer at a time. Milvus Lite's server does not keep apart two writes to one collection, so on that server the turn
 * is one for all processes of the machine: the lock is the system's, and goes with whoever held it.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Unavailable } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'

export type Lease = <T>(work: () => Promise<T>) => Promise<T>

/** The file that stands for a collection of a server. */
export const leaseFile = (folder: string, address: string, database: string | undefined, name: string): string => {
  const hash = createHash('sha256')
    .update(JSON.stringify([address, database, name]))
    .digest('hex')
    .slice(0, 16)
  return join(folder, `milvus-${hash}.lock`)
}

const taken = (file: DatabaseSync): boolean => {
  try {
    file.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === 5) return false
    throw error
  }
}

/**
 * A write whose writer died, or gave up waiting, may still be under way at the server, where a second one would cost rows
 * that were acknowledged. It leaves this mark behind, and the next writer waits until the server is surely done.
 */
const unfinished = async <T>(path: string, settle: number, work: () => Promise<T>): Promise<T> => {
  const mark = `${path}.unfinished`
  if (existsSync(mark)) await pause(settle)
  writeFileSync(mark, '')
  let answered = true
  try {
    return await work()
  } catch (error) {
    answered = !(error instanceof Unavailable)
    throw error
  } finally {
    if (answered) rmSync(mark, { force: true })
  }
}

/** Waits longer and longer, and never so long that a turn of a second goes by unseen. */
const held = async <T>(path: string, settle: number, work: () => Promise<T>): Promise<T> => {
  const file = new DatabaseSync(path)
  try {
    for (let wait = 2; !taken(file); wait = Math.min(2 * wait, 30)) await pause(wait * (0.5 + Math.random()))
    return await unfinished(path, settle, work)
  } finally {
    file.close()
  }
}

/**
 * @param file undefined: within this process only
 * @param settle milliseconds after which a server is done with a write that nobody waits for
 */
export const lease = (folder: string, file: string | undefined, settle = 5_000): Lease => {
  let last: Promise<unknown> = Promise.resolve()
  if (file !== undefined) mkdirSync(folder, { recursive: true })
  return (work) => {
    const turn = last.then(() => (file === undefined ? work() : held(file, settle, work)))
    last = turn.catch(() => {})
    return turn
  }
}
