export { openServedEmbedder, type ServedEmbedderOptions } from './embedder.ts'
export type { ServedUsage } from './probe.ts'
