import type { Avro } from './avro.ts'

/** A question, and what is known of its answers. A live query has no answers. */
export const Query = {
  type: 'record',
  name: 'Query',
  namespace: 'gainstream',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'question', type: 'string' },
    { name: 'answers', type: { type: 'array', items: 'string' }, doc: 'Gold answers, most usual spelling first.' },
    { name: 'dataset', type: 'string', default: '' },
    { name: 'lang', type: 'string', default: 'en', doc: 'Articles are dropped for en only when grading.' },
    { name: 'gold_passage_ids', type: { type: 'array', items: 'string' }, default: [] },
  ],
} as const
export type Query = Avro<typeof Query>

/** A query on its way: which run it belongs to and when it came in (ms since 1970). */
export const Asked = {
  type: 'record',
  name: 'Asked',
  namespace: 'gainstream',
  fields: [
    { name: 'run', type: 'string' },
    { name: 'asked_at', type: 'long' },
    { name: 'query', type: Query },
  ],
} as const
export type Asked = Avro<typeof Asked>
