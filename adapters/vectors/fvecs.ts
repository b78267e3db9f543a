import { Fatal } from '../../runtime/errors.ts'
import { bytesAt, fixedRows, sizeOf } from './fixed.ts'
import type { VectorFile } from './vectors.ts'

/** Rows of an int32 that says the dimension, and as many float32. @throws Fatal when the rows are not all alike. */
export const openFvecs = async (path: string): Promise<VectorFile> => {
  const dimension = Buffer.from(await bytesAt(path, 0, 4)).readInt32LE(0)
  const stride = 4 + 4 * dimension
  const rows = (await sizeOf(path)) / stride
  if (!Number.isInteger(rows))
    throw new Fatal(`${path} is no .fvecs file of ${dimension} numbers a row, or it is cut short; copy it again`)
  const decode = (bytes: Uint8Array<ArrayBuffer>, first: number): Float32Array => {
    const count = bytes.length / stride
    const sizes = new Int32Array(bytes.buffer)
    const all = new Float32Array(bytes.buffer)
    const vectors = new Float32Array(count * dimension)
    for (let row = 0, at = 0; row < count; row++, at += dimension + 1) {
      if (sizes[at] !== dimension)
        throw new Fatal(`${path} row ${first + row + 1}: this vector has ${sizes[at]} numbers instead of ${dimension}`)
      vectors.set(all.subarray(at + 1, at + 1 + dimension), row * dimension)
    }
    return vectors
  }
  return fixedRows({ path, offset: 0, stride, rows, dimension, decode })
}
