/** What one record of a topic is in a file: itself, or a training group in a trainer's format. */
import { flagEmbedding, sentenceTransformers, type Columns, type Row } from '../adapters/files/index.ts'
import { contrastGroup } from '../method/group.ts'
import type { Stored } from '../runtime/log.ts'
import type { Topic } from '../runtime/topic.ts'
import type { Sample } from '../schemas/sample.ts'
import { samples } from '../topics/index.ts'
import type { World } from './world.ts'

export const formats = ['jsonl', 'flagembedding', 'sentence-transformers'] as const
export type Format = (typeof formats)[number]

export interface Shaping {
  readonly format: Format
  /** Nats. */
  readonly minMargin: number
  readonly dropAnswerNegatives?: boolean
}

export const noCounts = () => ({
  ...{ exported: 0, filtered: 0, without_negatives: 0, dropped_within_margin: 0, dropped_with_answer: 0 },
})
export type Counts = ReturnType<typeof noCounts>

/** `exported: 12, filtered: 3`. */
export const countsText = (counts: Counts): string =>
  Object.entries(counts)
    .filter(([key, n]) => key === 'exported' || n > 0)
    .map(([key, n]) => `${key.replaceAll('_', ' ')}: ${n}`)
    .join(', ')

/** A sample without its likeliest false negatives; undefined where nothing is left to tell apart. */
const clear = (sample: Sample, { minMargin, dropAnswerNegatives = false }: Shaping, counts: Counts) => {
  const group = contrastGroup(sample.passages, { minMargin, dropAnswerNegatives })
  counts.dropped_within_margin += group?.dropped.withinMargin ?? 0
  counts.dropped_with_answer += group?.dropped.holdsAnswer ?? 0
  return group && group.negatives.length > 0 ? { ...sample, passages: [group.positive, ...group.negatives] } : undefined
}

const rowOf: Record<Format, (sample: Sample) => Row> = {
  jsonl: (sample) => ({ ...sample }),
  flagembedding: flagEmbedding,
  'sentence-transformers': sentenceTransformers,
}

/** Columns of a Parquet file; a record as it is stands there as JSON. */
export const columnsOf: Record<Format, Columns> = {
  jsonl: { key: 'text', record: 'text' },
  flagembedding: { query: 'text', pos: 'texts', neg: 'texts', pos_scores: 'numbers', neg_scores: 'numbers' },
  'sentence-transformers': { query: 'text', docs: 'texts', scores: 'numbers' },
}

/** A row as it stands in the columns of a Parquet file. */
export const tabular = (format: Format, key: string, row: Row): Row =>
  format === 'jsonl' ? { key, record: JSON.stringify(row) } : row

const ofSample = (sample: Sample, shaping: Shaping, counts: Counts): Row | undefined => {
  if (sample.outcome !== 'kept' && shaping.format !== 'jsonl') {
    counts.filtered++
    return undefined
  }
  const left = sample.outcome === 'kept' ? clear(sample, shaping, counts) : sample
  if (!left) counts.without_negatives++
  return left && rowOf[shaping.format](left)
}

/** One record as a row; undefined where the format has no place for it, and `counts` says why. */
export const shaped =
  ({ codec }: World, topic: Topic, shaping: Shaping, counts: Counts) =>
  async ({ value }: Stored): Promise<Row | undefined> => {
    if (value === null) return undefined
    const row =
      topic === (samples as Topic)
        ? ofSample(await codec.decode(samples, value), shaping, counts)
        : ((await codec.decode(topic, value)) as Row)
    if (row) counts.exported++
    return row
  }
