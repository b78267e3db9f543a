import { optional, type Avro } from './avro.ts'

export const Passage = {
  type: 'record',
  name: 'Passage',
  namespace: 'gainstream',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'title', type: 'string', default: '' },
    { name: 'text', type: 'string' },
  ],
} as const
export type Passage = Avro<typeof Passage>

/** A passage that may answer a query, with all that is known of how it came there. */
export const Candidate = {
  type: 'record',
  name: 'Candidate',
  namespace: 'gainstream',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'title', type: 'string' },
    { name: 'text', type: 'string' },
    { name: 'source', type: 'string', doc: 'retrieved, generated or given.' },
    { name: 'rank', type: 'int', doc: 'From 1, in the order of retrieval; a generated passage comes last.' },
    { name: 'score', type: optional('double'), default: null, doc: 'What the rank was sorted by.' },
    { name: 'dense_rank', type: optional('int'), default: null },
    { name: 'dense_score', type: optional('double'), default: null },
    { name: 'sparse_rank', type: optional('int'), default: null },
    { name: 'sparse_score', type: optional('double'), default: null },
    { name: 'given_score', type: optional('double'), default: null, doc: 'Came with the candidate from outside.' },
    { name: 'same_as', type: { type: 'array', items: 'string' }, default: [], doc: 'Ids of equal passages left out.' },
    { name: 'twin_of', type: optional('string'), default: null, doc: 'A better-ranked near-copy.' },
    { name: 'not_available', type: 'boolean', default: false, doc: 'A pseudo-passage that says N/A.' },
  ],
} as const
export type Candidate = Avro<typeof Candidate>
