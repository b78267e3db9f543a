/** Training groups in the formats of the trainers that people have. */
import type { GroupPassage, Sample } from '../../schemas/sample.ts'

/** A passage as the selector reads it: title, line end, text; the same in training and in use. */
export const selectorText = ({ title, text }: { title: string; text: string }): string => `${title}\n${text}`

/** @throws Error for a sample that was filtered: it has no group. */
const group = ({ query, passages, outcome, reason }: Sample): [GroupPassage, ...GroupPassage[]] => {
  const [positive, ...negatives] = passages
  if (outcome !== 'kept' || !positive)
    throw new Error(`query ${query.id} has no training group (${outcome}: ${reason})`)
  return [positive, ...negatives]
}

const score = (passage: GroupPassage) => passage.score

/** FlagEmbedding's reranker format: `query, pos[], neg[], pos_scores[], neg_scores[]`. Kept samples only. */
export const flagEmbedding = (sample: Sample) => {
  const [positive, ...negatives] = group(sample)
  return {
    query: sample.query.question,
    pos: [selectorText(positive)],
    neg: negatives.map(selectorText),
    pos_scores: [positive.score],
    neg_scores: negatives.map(score),
  }
}

/** For sentence-transformers' list losses: `query, docs[], scores[]`, the positive first. Kept samples only. */
export const sentenceTransformers = (sample: Sample) => {
  const passages = group(sample)
  return { query: sample.query.question, docs: passages.map(selectorText), scores: passages.map(score) }
}
