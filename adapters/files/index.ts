/** Files that people have: corpora, queries, candidates, gain and grade requests in; training data out. */
export { readCandidates, type GivenCandidates, type GivenPassage } from './candidates.ts'
export { flagEmbedding, selectorText, sentenceTransformers } from './export.ts'
export { fingerprint, type Fingerprint } from './fingerprint.ts'
export { parquetOf, type Columns, type Row } from './parquet.ts'
export { readPassages } from './corpus.ts'
export { readGainRequests, readPredictions, readQueries, type GainRequest, type Graded } from './queries.ts'
export type { Line, ReadOptions } from './read.ts'
export { writeBytes, writeLines, type Written } from './write.ts'
