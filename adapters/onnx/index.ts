export { openEmbedder, type EmbedderOptions } from './embedder.ts'
export { readEncoder, type EncoderSettings, type Usage } from './folder.ts'
export { openTokenizer, type Tokens } from './tokens.ts'
