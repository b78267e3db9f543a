/** Who chooses among candidates: retrieval order, scores from outside, or a folder of weights. */
export { givenScore, retrievalOrder } from './fixed.ts'
export { readSelector, writeSelector, type SelectorFolder } from './folder.ts'
export { lightSelector } from './light.ts'
