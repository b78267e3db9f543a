import { optional, type Avro } from './avro.ts'
import { Identity, Usage } from './identity.ts'
import { Candidate } from './passage.ts'
import { Query } from './query.ts'

/** How much one passage helps the reader to say a gold answer. Figures are means per answer token, in nats. */
export const Gain = {
  type: 'record',
  name: 'Gain',
  namespace: 'gainstream',
  fields: [
    { name: 'passage_id', type: 'string' },
    {
      name: 'mean_nll',
      type: optional('double'),
      default: null,
      doc: 'Contrastive; perplexity is its exponential. Null where only the plain measure was taken.',
    },
    { name: 'plain_mean_nll', type: optional('double'), default: null, doc: 'Given the passage.' },
    { name: 'base_mean_nll', type: optional('double'), default: null, doc: 'Without any passage.' },
    { name: 'infogain', type: optional('double'), default: null, doc: 'Of the answer.' },
    {
      name: 'answer',
      type: optional('string'),
      default: null,
      doc: 'The gold with the least perplexity by the measure of the record.',
    },
    { name: 'plain_answer', type: optional('string'), default: null, doc: 'The gold with the least plain perplexity.' },
    { name: 'tokens', type: optional('int'), default: null, doc: 'Of that answer.' },
    { name: 'cut', type: 'int', default: 0, doc: 'Tokens cut off at the end of the passage.' },
    { name: 'unscored', type: optional('string'), default: null, doc: 'Why there are no figures.' },
  ],
} as const
export type Gain = Avro<typeof Gain>

/** A query with its candidates and their gains, in the order of the candidates: the source of replays. */
export const Gains = {
  type: 'record',
  name: 'Gains',
  namespace: 'gainstream',
  fields: [
    { name: 'run', type: 'string' },
    { name: 'asked_at', type: 'long' },
    { name: 'query', type: Query },
    { name: 'passages', type: { type: 'array', items: Candidate } },
    { name: 'gains', type: { type: 'array', items: Gain } },
    { name: 'alpha', type: 'double', doc: 'Weight of the contrast; 0 where the measure is plain.' },
    { name: 'exact', type: 'boolean', doc: 'The normaliser ran over the whole vocabulary.' },
    { name: 'golds', type: { type: 'array', items: 'string' }, doc: 'The golds that were scored.' },
    { name: 'golds_left_out', type: 'int', default: 0, doc: 'Distinct golds past max_golds.' },
    { name: 'scorer', type: Identity },
    { name: 'usage', type: Usage },
    { name: 'settings', type: 'string', default: '', doc: 'Hash of the stream manifest.' },
    {
      name: 'measure',
      type: 'string',
      default: 'contrastive',
      doc: 'contrastive: both figures were taken; plain: that without contrast alone.',
    },
  ],
} as const
export type Gains = Avro<typeof Gains>
