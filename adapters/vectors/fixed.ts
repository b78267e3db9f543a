import { open, stat } from 'node:fs/promises'
import { Fatal } from '../../runtime/errors.ts'
import { trouble } from '../files/trouble.ts'
import { checkFinite, rowsOfBlock } from './numbers.ts'
import type { VectorFile } from './vectors.ts'

/** A file whose rows all take the same number of bytes. */
export interface Fixed {
  readonly path: string
  /** Bytes before the first row, and of each row. */
  readonly offset: number
  readonly stride: number
  readonly rows: number
  readonly dimension: number
  /** @param first which row of the file the bytes begin with */
  readonly decode: (bytes: Uint8Array<ArrayBuffer>, first: number) => Float32Array
}

/** @throws Fatal when it cannot be read. */
export const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size
  } catch (error) {
    throw trouble(path, error)
  }
}

/** Exactly so many bytes. @throws Fatal when there are fewer. */
export const bytesAt = async (path: string, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
  const bytes = new Uint8Array(length)
  try {
    const file = await open(path)
    try {
      for (let done = 0; done < length;) {
        const { bytesRead } = await file.read(bytes, done, length - done, position + done)
        if (bytesRead === 0) throw new Fatal(`${path} is cut short; copy or download it again`)
        done += bytesRead
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw trouble(path, error)
  }
  return bytes
}

export const fixedRows = (file: Fixed): VectorFile => {
  const { path, offset, stride, rows, dimension, decode } = file
  const step = rowsOfBlock(stride)
  const blocks: VectorFile['blocks'] = async function* (from = 0, signal) {
    for (let first = from; first < rows; first += step) {
      signal?.throwIfAborted()
      const count = Math.min(step, rows - first)
      const vectors = decode(await bytesAt(path, offset + first * stride, count * stride), first)
      checkFinite(path, vectors, dimension, first)
      yield { from: first, rows: count, vectors }
    }
  }
  return { path, rows, dimension, hasIds: false, blocks }
}
