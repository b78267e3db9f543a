import { optional, type Avro } from './avro.ts'
import { Identity, Usage } from './identity.ts'
import { Query } from './query.ts'

/** What the reader LLM wrote from the query alone. */
export const PseudoPassage = {
  type: 'record',
  name: 'PseudoPassage',
  namespace: 'gainstream',
  fields: [
    { name: 'text', type: 'string' },
    { name: 'not_available', type: 'boolean', doc: 'It says N/A.' },
    { name: 'reader', type: Identity },
    { name: 'usage', type: Usage },
  ],
} as const
export type PseudoPassage = Avro<typeof PseudoPassage>

export const Draft = {
  type: 'record',
  name: 'Draft',
  namespace: 'gainstream',
  fields: [
    { name: 'run', type: 'string' },
    { name: 'asked_at', type: 'long' },
    { name: 'query', type: Query },
    { name: 'pseudo_passage', type: optional(PseudoPassage), default: null, doc: 'null where the stage is off.' },
  ],
} as const
export type Draft = Avro<typeof Draft>
