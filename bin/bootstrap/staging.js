import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const leftovers = { recursive: true, force: true, maxRetries: 3 }

/**
 * Work in a folder of its own beside its goal, to be renamed into place when it is whole. What a killed start left is
 * deleted here, and never used: even if its npm is still writing, it writes where nobody looks.
 * @param {string} parent on the same file system as the goal, held under a lock by the caller
 * @param {(folder: string) => Promise<void>} work
 */
export const staged = async (parent, work) => {
  try {
    rmSync(parent, leftovers)
    mkdirSync(parent, { recursive: true })
    await work(mkdtempSync(join(parent, 'install-')))
  } finally {
    rmSync(parent, leftovers)
  }
}
