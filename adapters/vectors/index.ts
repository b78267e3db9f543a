/** Vectors out of files: what `--embeddings` reads. */
export { openVectors, type VectorBlock, type Vectors } from './vectors.ts'
