import type { Avro } from './avro.ts'
import { Candidate } from './passage.ts'
import { Query } from './query.ts'

/** A query with all passages that may answer it, best rank first. */
export const Candidates = {
  type: 'record',
  name: 'Candidates',
  namespace: 'gainstream',
  fields: [
    { name: 'run', type: 'string' },
    { name: 'asked_at', type: 'long' },
    { name: 'query', type: Query },
    { name: 'passages', type: { type: 'array', items: Candidate } },
  ],
} as const
export type Candidates = Avro<typeof Candidates>
