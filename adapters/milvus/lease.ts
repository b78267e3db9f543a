/**
 * One writer at a time. Milvus Lite's server does not keep apart two writes to one collection, so on that server the turn
 * is one for all processes of the machine: the lock is the system's, and goes with whoever held it.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
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

/** Waits longer and longer, and never so long that a turn of a second goes by unseen. */
const held = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  const file = new DatabaseSync(path)
  try {
    for (let wait = 2; !taken(file); wait = Math.min(2 * wait, 30)) await pause(wait * (0.5 + Math.random()))
    return await work()
  } finally {
    file.close()
  }
}

/** @param file undefined: within this process only */
export const lease = (folder: string, file: string | undefined): Lease => {
  let last: Promise<unknown> = Promise.resolve()
  if (file !== undefined) mkdirSync(folder, { recursive: true })
  return (work) => {
    const turn = last.then(() => (file === undefined ? work() : held(file, work)))
    last = turn.catch(() => {})
    return turn
  }
}
