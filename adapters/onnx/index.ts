export { openEmbedder, type EmbedderOptions } from './embedder.ts'
export { readEncoder, type EncoderSettings } from './folder.ts'
export { openTokenizer, type Tokens } from './tokens.ts'
