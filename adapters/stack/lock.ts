/** One command at a time changes a folder. The lock is the system's, so that it goes with whoever held it. */
import { DatabaseSync } from 'node:sqlite'
import { Fatal } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'

const taken = (file: DatabaseSync): boolean => {
  try {
    file.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === 5) return false // somebody has it
    throw error
  }
}

/**
 * Runs `work` while nobody else works on the folder; waits for whoever does.
 * @param patience milliseconds
 * @param busy what is said when patience ends
 * @throws Fatal when patience ends
 */
export const locked = async <T>(
  folder: string,
  work: () => Promise<T>,
  patience = 300_000,
  busy = `another command is at work on the servers in ${folder}: wait for it`,
): Promise<T> => {
  const file = new DatabaseSync(`${folder}.lock`) // beside it: the folder may be deleted meanwhile
  try {
    for (const until = Date.now() + patience; !taken(file); await pause(100))
      if (Date.now() > until) throw new Fatal(busy)
    return await work()
  } finally {
    file.close()
  }
}
