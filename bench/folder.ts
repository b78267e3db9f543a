import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Hands out the path of a log in a folder of its own, which is gone afterwards. */
export const inFolder = async <T>(use: (path: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-bench-'))
  try {
    return await use(join(folder, 'log.sqlite'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
