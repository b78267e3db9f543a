import { optional, type Avro } from './avro.ts'
import { Candidate } from './passage.ts'
import { Query } from './query.ts'

/** Which selector chose: retrieval order, given scores, or a folder of weights by its sha256. */
export const SelectorIdentity = {
  type: 'record',
  name: 'SelectorIdentity',
  namespace: 'gainstream',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'sha256', type: 'string', default: '' },
  ],
} as const
export type SelectorIdentity = Avro<typeof SelectorIdentity>

/** What a candidate got, without its text. */
export const Scored = {
  type: 'record',
  name: 'Scored',
  namespace: 'gainstream',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'rank', type: 'int' },
    { name: 'score', type: 'double' },
    { name: 'source', type: 'string' },
    { name: 'has_answer', type: optional('boolean'), default: null, doc: 'null for a query without golds.' },
    {
      name: 'gold',
      type: optional('boolean'),
      default: null,
      doc: 'A gold passage or its twin; null where none are known.',
    },
  ],
} as const
export type Scored = Avro<typeof Scored>

/** What a selector that is only watched would have chosen. */
export const Shadowed = {
  type: 'record',
  name: 'Shadowed',
  namespace: 'gainstream',
  fields: [
    { name: 'selector', type: SelectorIdentity },
    { name: 'chosen', type: optional('string'), doc: 'Passage id; null where it would have abstained.' },
    { name: 'scores', type: { type: 'array', items: 'double' }, doc: 'In the order of `scored`.' },
  ],
} as const
export type Shadowed = Avro<typeof Shadowed>

/** A query with the passages that were kept for it. */
export const Context = {
  type: 'record',
  name: 'Context',
  namespace: 'gainstream',
  fields: [
    { name: 'run', type: 'string' },
    { name: 'asked_at', type: 'long' },
    { name: 'query', type: Query },
    { name: 'kept', type: { type: 'array', items: Candidate }, doc: 'In selector order; empty: answer without any.' },
    { name: 'scored', type: { type: 'array', items: Scored }, doc: 'All candidates in selector order.' },
    { name: 'selector', type: SelectorIdentity },
    { name: 'abstained', type: 'boolean', default: false, doc: 'Its best score was too low: nothing was kept.' },
    { name: 'shadow', type: optional(Shadowed), default: null },
  ],
} as const
export type Context = Avro<typeof Context>
