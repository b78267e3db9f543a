/** All vectors in memory, and their exact inner products with another. */
import type { Best } from './best.ts'

/** Rows that grow together: more than that is never copied, and a gap at the end is small. */
const rowsPerBlock = 4096

export interface Vectors {
  set(slot: number, vector: Float32Array): void
  /** Writes the slot's vector to `into`, from there on. */
  copy(slot: number, into: Float32Array, at: number): void
  product(vector: Float32Array, slot: number): number
  /** Offers every slot from `from` to below `to` that `alive` marks. */
  near(vector: Float32Array, from: number, to: number, alive: Uint8Array, best: Best): void
}

export const vectors = (dimension: number): Vectors => {
  const blocks: Float32Array[] = []
  const block = (slot: number) => {
    const index = Math.floor(slot / rowsPerBlock)
    return (blocks[index] ??= new Float32Array(rowsPerBlock * dimension))
  }
  const start = (slot: number) => (slot % rowsPerBlock) * dimension
  return {
    set: (slot, vector) => block(slot).set(vector, start(slot)),
    copy: (slot, into, at) => into.set(block(slot).subarray(start(slot), start(slot) + dimension), at),
    product: (vector, slot) => product(vector, block(slot), start(slot)),
    near: (vector, from, to, alive, best) => {
      const wanted = Float32Array.from(vector)
      for (let slot = from; slot < to; slot++)
        if (alive[slot] === 1) best.add(slot, product(wanted, block(slot), start(slot)))
    },
  }
}

/** Summed in float64, in four sums so that additions need not wait for each other. */
const product = (a: Float32Array, b: Float32Array, from: number): number => {
  const even = a.length & ~3
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  for (let i = 0; i < even; i += 4) {
    s0 += (a[i] as number) * (b[from + i] as number)
    s1 += (a[i + 1] as number) * (b[from + i + 1] as number)
    s2 += (a[i + 2] as number) * (b[from + i + 2] as number)
    s3 += (a[i + 3] as number) * (b[from + i + 3] as number)
  }
  for (let i = even; i < a.length; i++) s0 += (a[i] as number) * (b[from + i] as number)
  return s0 + s1 + (s2 + s3)
}
