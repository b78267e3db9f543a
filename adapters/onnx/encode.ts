/** Tokens to vectors, inside the worker: one run of the model over the padded batch, then pooling. */
import type { InferenceSession } from 'onnxruntime-node'
import { Fatal } from '../../runtime/errors.ts'
import { feeds } from './feeds.ts'
import type { EncoderSettings } from './folder.ts'

type Pooling = Pick<EncoderSettings, 'dimension' | 'pooling' | 'normalised'>

/** A batch's vectors one after the other: float32 [texts × dimension]. */
export const encode = async (
  session: InferenceSession,
  batch: readonly number[][],
  pooling: Pooling,
): Promise<Float32Array> => {
  const length = Math.max(...batch.map((ids) => ids.length))
  const output = (
    await session.run(
      feeds(
        session.inputNames,
        batch.map((ids) => ({ ids })),
      ),
    )
  )[session.outputNames[0] ?? '']
  if (output?.dims.length !== 3 || output.dims[2] !== pooling.dimension)
    throw new Fatal(
      `the model's first output has the shape [${output?.dims.join(', ') ?? ''}]; ` +
        `encoder.json promises [texts, tokens, ${pooling.dimension}]`,
    )
  const hidden = output.data as Float32Array
  const vectors = new Float32Array(batch.length * pooling.dimension)
  batch.forEach((ids, row) => pool(hidden, row * length, ids.length, vectors, row, pooling))
  output.dispose()
  return vectors
}

/** Mean over a text's own tokens (padding aside) or its first token; brought to length 1 where asked for. */
const pool = (
  hidden: Float32Array,
  first: number,
  tokens: number,
  vectors: Float32Array,
  row: number,
  { dimension, pooling, normalised }: Pooling,
) => {
  const sum = new Float64Array(dimension)
  const counted = pooling === 'cls' ? 1 : tokens
  for (let token = first; token < first + counted; token++)
    for (let d = 0; d < dimension; d++) sum[d] = (sum[d] ?? 0) + (hidden[token * dimension + d] ?? 0)
  const scale = normalised ? Math.sqrt(sum.reduce((total, value) => total + value * value, 0)) || 1 : counted
  for (let d = 0; d < dimension; d++) vectors[row * dimension + d] = (sum[d] ?? 0) / scale
}
