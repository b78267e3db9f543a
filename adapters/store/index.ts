export { buildIndex, openStore, type StoreOptions } from './store.ts'
export { openCollections, type CollectionsOptions } from './collections.ts'
