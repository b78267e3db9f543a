import { Fatal } from '../../runtime/errors.ts'

export type NumberKind = 'float16' | 'float32'
export const widthOf = (kind: NumberKind): number => (kind === 'float16' ? 2 : 4)

/** How many rows of so many bytes make a block. */
export const rowsOfBlock = (bytes: number): number => Math.max(1, Math.floor((4 * 1024 * 1024) / bytes))

/** IEEE 754 half precision: 1 bit sign, 5 bits exponent, 10 bits fraction. */
const half = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

let halves: Float32Array | undefined

/** @param bytes little-endian; of their own from the first byte of their buffer on */
export const numbersOf = (bytes: Uint8Array<ArrayBuffer>, kind: NumberKind): Float32Array => {
  if (kind === 'float32') return new Float32Array(bytes.buffer, 0, bytes.length / 4)
  halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => half(bits))
  const table = halves
  const packed = new Uint16Array(bytes.buffer, 0, bytes.length / 2)
  const numbers = new Float32Array(packed.length)
  for (let i = 0; i < packed.length; i++) numbers[i] = table[packed[i] ?? 0] ?? 0
  return numbers
}

/** @throws Fatal with file and row where a number is none. */
export const checkFinite = (path: string, numbers: Float32Array, dimension: number, firstRow: number): void => {
  // A sum of zeros, unless a number is NaN or infinite.
  let sum = 0
  for (let i = 0; i < numbers.length; i++) sum += (numbers[i] ?? 0) * 0
  if (sum === 0) return
  const at = numbers.findIndex((number) => !Number.isFinite(number))
  const [row, place] = [firstRow + Math.floor(at / dimension) + 1, (at % dimension) + 1]
  throw new Fatal(`${path} row ${row}: number ${place} of this vector is ${numbers[at]}; embed that passage again`)
}
