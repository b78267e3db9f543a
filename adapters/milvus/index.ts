export { openMilvusCollections, type MilvusOptions } from './collections.ts'
export type { MilvusAccess } from './client.ts'
