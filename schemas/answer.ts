import { optional, type Avro } from './avro.ts'
import { Context } from './context.ts'
import { Identity, Usage } from './identity.ts'

/** What the reader said, given the context. */
export const Answer = {
  type: 'record',
  name: 'Answer',
  namespace: 'gainstream',
  fields: [
    { name: 'context', type: Context },
    { name: 'prediction', type: 'string' },
    { name: 'passages', type: 'int', doc: 'How many passages reached the reader.' },
    { name: 'reader', type: Identity },
    { name: 'usage', type: Usage },
    { name: 'answered_at', type: 'long', doc: 'Milliseconds since 1970.' },
    { name: 'cut', type: optional('string'), default: null, doc: 'Why the answer or its prompt was cut short.' },
  ],
} as const
export type Answer = Avro<typeof Answer>
