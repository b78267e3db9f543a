import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

/** A folder for each test that asks for one, gone after it. Gives the path of a new file in it. */
export const scratch = () => {
  const folders: string[] = []
  afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true, force: true })))
  const path = (name: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'gainstream-files-'))
    folders.push(folder)
    return join(folder, name)
  }
  const file = (name: string, content: string | Buffer) => {
    const at = path(name)
    writeFileSync(at, content)
    return at
  }
  return { path, file }
}

export const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}

/** What a promise is refused with. */
export const refusal = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('nothing was refused'),
    (error: unknown) => error as Error,
  )
