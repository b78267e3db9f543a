/** Vectors that follow from a text alone, and from nothing that it means: for indexing without an encoder's cost. */
import { createHash } from 'node:crypto'
import type { Embedder } from '../../../method/ports.ts'

export const dimension = 384

/** Length 1; the same text has the same vector, and any other one is nearly at right angles to it. */
export const simulatedVector = (text: string): Float32Array => {
  let state = createHash('sha256').update(text).digest().readUInt32LE(0) | 1
  const vector = Float32Array.from({ length: dimension }, () => {
    state = Math.imul(state ^ (state >>> 15), state | 1)
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61)
    state = (state ^ (state >>> 14)) | 1
    return (state | 0) / 2 ** 31
  })
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

export const simulatedEncoder: Embedder = {
  identity: { model: 'simulated', revision: '1', dimension, pooling: 'mean', normalised: true },
  embed: async (texts) => texts.map(simulatedVector),
  close: async () => {},
}
