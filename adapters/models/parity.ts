/** Holds an exported encoder against its original: the same texts, and how far the vectors are apart. */
import type { EncoderSettings } from '../onnx/index.ts'
import { openEmbedder } from '../onnx/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { samples } from './samples.ts'

export type Precision = 'fp32' | 'int8'

export interface Parity {
  readonly texts: number
  /** Largest difference of a number, as a share of the length of the original's vector. */
  readonly difference: number
  readonly cosine: { readonly mean: number; readonly least: number }
}

/** In full precision; of vectors of length 1 this is the difference itself. */
export const largestDifference = 1e-4
/** Smallest mean in 8 bits. */
export const smallestCosine = 0.99

/** Fifty texts from one word to more than any encoder takes; the even ones are questions, the odd ones passages. */
export const parityTexts = (count = 50): { readonly text: string; readonly as: 'query' | 'passage' }[] => {
  const words = samples.join(' ').split(' ')
  const lengths = Array.from({ length: count }, (_, i) => Math.round(700 ** (i / (count - 1))))
  return lengths.map((length, i) => {
    const from = (i * 37) % words.length
    const text = Array.from({ length }, (_, at) => words[(from + at) % words.length]).join(' ')
    return { text, as: i % 2 === 0 ? 'query' : 'passage' }
  })
}

/** The same texts as the original sees them. */
export const asTheyAre = ({ query_prefix, passage_prefix }: EncoderSettings): string[] =>
  parityTexts().map(({ text, as }) => (as === 'query' ? query_prefix : passage_prefix) + text)

const product = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0)

/** @param reference one vector per text, all of one length */
export const parity = (vectors: readonly Float32Array[], reference: readonly (readonly number[])[]): Parity => {
  const figures = reference.map((expected, i) => {
    const vector = vectors[i] ?? new Float32Array(0)
    const length = Math.sqrt(product(expected, expected))
    return {
      difference: Math.max(...expected.map((value, d) => Math.abs(value - (vector[d] ?? NaN)))) / length,
      cosine: product(expected, vector) / length / Math.sqrt(product(vector, vector)),
    }
  })
  const cosines = figures.map(({ cosine }) => cosine)
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length
  const difference = Math.max(...figures.map((each) => each.difference))
  return { texts: reference.length, difference, cosine: { mean, least: Math.min(...cosines) } }
}

/** What a figure that is no number says is no parity, either. */
const holds = ({ difference, cosine }: Parity, precision: Precision) =>
  precision === 'fp32' ? difference <= largestDifference : cosine.mean >= smallestCosine

/**
 * Runs a folder as it will be run.
 * @throws Fatal when it computes something else than the original
 */
export const proved = async (
  folder: string,
  precision: Precision,
  reference: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<Parity> => {
  const embedder = await openEmbedder({ folder, workers: 1 })
  try {
    const texts = parityTexts()
    const some = async ({ text, as }: (typeof texts)[number]) => (await embedder.embed([text], as, signal))[0]!
    const found = parity(await Promise.all(texts.map(some)), reference)
    if (holds(found, precision)) return found
    throw new Fatal(
      `the ${precision} form of ${embedder.identity.model} does not compute what Transformers does (mean cosine ` +
        `${found.cosine.mean.toFixed(4)}, largest difference ${found.difference.toExponential(1)})` +
        (precision === 'int8' ? '; take --precision fp32' : ''),
    )
  } finally {
    await embedder.close()
  }
}
