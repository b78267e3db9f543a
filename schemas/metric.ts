import { optional, type Avro } from './avro.ts'
import { SelectorIdentity } from './context.ts'
import { Identity, Usage } from './identity.ts'

/** One query, graded; or ungraded where it has no golds. Grades are 0 or 1, f1 between. */
export const Metric = {
  type: 'record',
  name: 'Metric',
  namespace: 'gainstream',
  fields: [
    { name: 'run', type: 'string' },
    { name: 'query_id', type: 'string' },
    { name: 'dataset', type: 'string' },
    { name: 'graded', type: 'boolean' },
    { name: 'question', type: 'string' },
    { name: 'prediction', type: 'string' },
    { name: 'strict_em', type: optional('double'), default: null },
    { name: 'boundary_em', type: optional('double'), default: null },
    { name: 'containment_em', type: optional('double'), default: null },
    { name: 'f1', type: optional('double'), default: null },
    { name: 'chosen_id', type: optional('string'), default: null, doc: 'null: answered without a passage.' },
    { name: 'chosen_source', type: optional('string'), default: null },
    { name: 'chosen_rank', type: optional('int'), default: null },
    { name: 'chosen_score', type: optional('double'), default: null },
    { name: 'margin', type: optional('double'), default: null, doc: 'Score of the first minus the second.' },
    { name: 'chosen_has_answer', type: optional('boolean'), default: null },
    { name: 'oracle_has_answer', type: optional('boolean'), default: null, doc: 'Some candidate has it.' },
    {
      name: 'hit',
      type: optional('boolean'),
      default: null,
      doc: 'The first choice among retrieved ones is a gold passage.',
    },
    { name: 'latency_ms', type: 'double', doc: 'From asked to answered.' },
    { name: 'selector', type: SelectorIdentity },
    { name: 'reader', type: Identity },
    { name: 'usage', type: Usage },
    { name: 'abstained', type: 'boolean', default: false, doc: 'The selector found no passage good enough.' },
    {
      name: 'shadow_selector',
      type: optional(SelectorIdentity),
      default: null,
      doc: 'Watched beside the one in force.',
    },
    { name: 'shadow_agrees', type: optional('boolean'), default: null, doc: 'It would have chosen the same.' },
    { name: 'shadow_hit', type: optional('boolean'), default: null, doc: 'As hit, for its choice.' },
    { name: 'shadow_has_answer', type: optional('boolean'), default: null },
  ],
} as const
export type Metric = Avro<typeof Metric>
