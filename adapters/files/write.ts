import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'
import { trouble } from './trouble.ts'

export interface Written {
  readonly lines: number
  readonly bytes: number
}

/**
 * Writes a file that is there whole or not at all: beside its place first, brought to the disk, then renamed. What was
 * there before stays until then, also when `lines` throws, and that error comes through. Missing folders are made.
 *
 * @param lines without their line ends
 * @throws Fatal with a sentence: no permission, disk full, a folder …
 */
export const writeLines = (path: string, lines: Iterable<string> | AsyncIterable<string>): Promise<Written> =>
  whole(path, (handle) => fill(handle, lines))

/** The same for bytes. */
export const writeBytes = (path: string, bytes: Buffer): Promise<void> =>
  whole(path, (handle) => handle.writeFile(bytes))

const whole = async <T>(path: string, write: (handle: FileHandle) => Promise<T>): Promise<T> => {
  await refuseOther(path)
  const aside = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.partial`)
  try {
    await mkdir(dirname(path), { recursive: true })
    const written = await durable(aside, write)
    await rename(aside, path)
    await durable(dirname(path), async () => undefined, 'r')
    return written
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined)
    throw trouble(path, error)
  }
}

/** A rename would put a file in the place of a device or a pipe. */
const refuseOther = async (path: string) => {
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) throw new Fatal(`${path} is a folder; name a file`)
  if (there && !there.isFile()) throw new Fatal(`${path} is a device or a pipe; name a file`)
}

const durable = async <T>(path: string, work: (handle: FileHandle) => Promise<T>, flags = 'wx'): Promise<T> => {
  const handle = await open(path, flags)
  try {
    const result = await work(handle)
    await handle.sync()
    return result
  } finally {
    await handle.close()
  }
}

const enough = 256 * 1024

/** Writes lines to an open file in parts of some 256 KB. */
export const fill = async (handle: FileHandle, lines: Iterable<string> | AsyncIterable<string>): Promise<Written> => {
  const written = { lines: 0, bytes: 0 }
  let waiting = ''
  const flush = async () => {
    const part = Buffer.from(waiting)
    waiting = ''
    await handle.appendFile(part)
    written.bytes += part.length
  }
  for await (const line of lines) {
    waiting += `${line}\n`
    written.lines++
    if (waiting.length >= enough) await flush()
  }
  await flush()
  return written
}
