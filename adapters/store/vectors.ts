/** All vectors in memory, and their exact inner products with another. */
import type { Best } from './best.ts'

/** Rows that grow together: more than that is never copied, and a gap at the end is small. */
const rowsPerBlock = 4096

export interface Vectors {
  set(slot: number, vector: Float32Array): void
  /** Offers every slot below `count` that `alive` marks. */
  near(vector: Float32Array, count: number, alive: Uint8Array, best: Best): void
}

export const vectors = (dimension: number): Vectors => {
  const blocks: Float32Array[] = []
  const block = (index: number) => (blocks[index] ??= new Float32Array(rowsPerBlock * dimension))
  return {
    set: (slot, vector) => block(Math.floor(slot / rowsPerBlock)).set(vector, (slot % rowsPerBlock) * dimension),
    near: (vector, count, alive, best) => {
      const wanted = Float32Array.from(vector)
      for (let slot = 0; slot < count; slot++)
        if (alive[slot] === 1)
          best.add(slot, product(wanted, block(Math.floor(slot / rowsPerBlock)), (slot % rowsPerBlock) * dimension))
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
