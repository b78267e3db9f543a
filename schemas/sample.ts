import { optional, type Avro } from './avro.ts'
import { Identity, Usage } from './identity.ts'
import { Query } from './query.ts'

/** One passage of a training group, with what the teacher thinks of it. */
export const GroupPassage = {
  type: 'record',
  name: 'GroupPassage',
  namespace: 'gainstream',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'title', type: 'string' },
    { name: 'text', type: 'string' },
    { name: 'source', type: 'string' },
    { name: 'rank', type: 'int' },
    { name: 'mean_nll', type: 'double', doc: 'By the measure of the sample, in nats a token.' },
    { name: 'score', type: 'double', doc: 'Teacher score −ln(perplexity + 1).' },
    { name: 'has_answer', type: 'boolean' },
    { name: 'twin_of', type: optional('string'), default: null },
    { name: 'retrieval_score', type: optional('double'), default: null, doc: 'What the rank was sorted by.' },
    { name: 'dense_rank', type: optional('int'), default: null },
    { name: 'dense_score', type: optional('double'), default: null },
    { name: 'sparse_rank', type: optional('int'), default: null },
    { name: 'sparse_score', type: optional('double'), default: null },
  ],
} as const
export type GroupPassage = Avro<typeof GroupPassage>

/** One record per query: a training group, or why there is none. */
export const Sample = {
  type: 'record',
  name: 'Sample',
  namespace: 'gainstream',
  fields: [
    { name: 'run', type: 'string' },
    { name: 'query', type: Query },
    { name: 'outcome', type: 'string', doc: 'kept or filtered.' },
    { name: 'reason', type: 'string', default: '', doc: 'Why it was filtered.' },
    { name: 'measure', type: 'string', doc: 'contrastive or plain.' },
    { name: 'alpha', type: 'double' },
    { name: 'passages', type: { type: 'array', items: GroupPassage }, doc: 'The positive first, then by rank.' },
    { name: 'filter_prediction', type: optional('string'), default: null, doc: 'Answer with the best passage.' },
    { name: 'filter_reader', type: optional(Identity), default: null },
    { name: 'scorer', type: Identity },
    { name: 'usage', type: Usage },
    { name: 'settings', type: 'string', default: '' },
  ],
} as const
export type Sample = Avro<typeof Sample>
