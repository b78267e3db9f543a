import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Fatal } from '../../runtime/errors.ts'
import { trouble } from './trouble.ts'

/** A part of a file's content, unpacked. */
export interface Chunk {
  readonly bytes: Buffer
  /** Bytes of the file (as it lies there, packed or not) that have been read by now. */
  readonly position: number
}

const foreign: readonly (readonly [start: string, what: string])[] = [
  ['504b0304', 'a zip archive'],
  ['28b52ffd', 'packed with zstd'],
  ['425a68', 'packed with bzip2'],
  ['fd377a585a', 'packed with xz'],
  ['fffe', 'text in UTF-16'],
  ['feff', 'text in UTF-16'],
]

const refuseForeign = (path: string, head: Buffer) => {
  const hex = head.subarray(0, 8).toString('hex')
  const what = foreign.find(([start]) => hex.startsWith(start))?.[1]
  if (what)
    throw new Fatal(`${path} is ${what}; what can be read is UTF-8 text, plain or packed with gzip, and Parquet`)
}

const isGzip = (head: Buffer) => head[0] === 0x1f && head[1] === 0x8b

/**
 * The content of a file from its beginning; gzip is known by its first bytes, whatever the name.
 * @throws Fatal with a sentence: missing, a folder, no permission, cut short, damaged, of another format.
 */
export async function* chunks(path: string, signal?: AbortSignal): AsyncGenerator<Chunk> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024, ...(signal && { signal }) })
  let position = 0
  const counted = async function* (head?: Buffer) {
    if (head) yield head
    for await (const bytes of file as AsyncIterable<Buffer>) {
      position += bytes.length
      yield bytes
    }
  }
  try {
    const head = await first(file)
    if (!head) return
    position = head.length
    refuseForeign(path, head)
    for await (const bytes of isGzip(head) ? unpacked(counted(head)) : counted(head)) yield { bytes, position }
  } catch (error) {
    throw trouble(path, error)
  } finally {
    file.destroy()
  }
}

/** The first part of a stream; the rest can be iterated afterwards. */
const first = async (file: Readable): Promise<Buffer | undefined> => {
  for await (const bytes of file.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) return bytes
  return undefined
}

async function* unpacked(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 })
  const flow = pipeline(packed, gunzip)
  // Whoever iterates hears of the failure from the iteration.
  flow.catch(() => undefined)
  for await (const bytes of gunzip as AsyncIterable<Buffer>) yield bytes
}
