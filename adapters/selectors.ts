/** Selectors; see the folder. */
export * from './selectors/index.ts'
