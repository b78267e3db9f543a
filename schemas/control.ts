import { optional, type Avro } from './avro.ts'

/** A run is open, or closed with the number of its queries. Kept per `<stream>/<run>`. */
export const RunEntry = {
  type: 'record',
  name: 'RunEntry',
  namespace: 'gainstream',
  fields: [
    { name: 'stream', type: 'string' },
    { name: 'run', type: 'string' },
    { name: 'state', type: 'string', doc: 'open or closed.' },
    { name: 'count', type: optional('long'), default: null, doc: 'Distinct queries, once closed.' },
    { name: 'opened_at', type: 'long' },
    { name: 'closed_at', type: optional('long'), default: null },
    { name: 'topology', type: 'string', doc: 'Name of its list of stages: decides which stage is the last.' },
    { name: 'source', type: 'string', default: '', doc: 'Where its queries came from, for people.' },
    { name: 'settings', type: 'string', default: '', doc: 'Hash of the stream manifest.' },
    { name: 'collection', type: 'string', default: '', doc: 'Where its passages go; empty: to the current one.' },
  ],
} as const
export type RunEntry = Avro<typeof RunEntry>

/** What a replay reads: a stretch of another stream's topic. */
export const Derivation = {
  type: 'record',
  name: 'Derivation',
  namespace: 'gainstream',
  fields: [
    { name: 'stream', type: 'string', doc: 'Whose topic it is; it is never written to.' },
    { name: 'topic', type: 'string', doc: 'As the catalogue names it.' },
    { name: 'topic_id', type: 'string', doc: 'Another topic of the same name is another one.' },
    { name: 'from', type: { type: 'array', items: 'long' }, doc: 'First position that is read, per partition.' },
    { name: 'until', type: { type: 'array', items: 'long' }, doc: 'First position that is not, per partition.' },
    { name: 'runs', type: { type: 'array', items: 'string' }, doc: 'Records of other runs are passed over.' },
    { name: 'request', type: 'string', default: '', doc: 'How the stretch was asked for, so that it is found again.' },
  ],
} as const
export type Derivation = Avro<typeof Derivation>

/** The immutable settings of a stream, written once, kept per stream. */
export const StreamEntry = {
  type: 'record',
  name: 'StreamEntry',
  namespace: 'gainstream',
  fields: [
    { name: 'stream', type: 'string' },
    { name: 'hash', type: 'string' },
    { name: 'settings', type: 'string', doc: 'JSON, keys sorted.' },
    { name: 'created_at', type: 'long' },
    { name: 'partitions', type: 'int' },
    { name: 'derived_from', type: 'string', default: '', doc: '<stream>/<topic> of which it is a replay.' },
    { name: 'derivation', type: optional(Derivation), default: null },
  ],
} as const
export type StreamEntry = Avro<typeof StreamEntry>

/**
 * A selector that a stream may use, kept per `<stream>/version/<sha256>`; and which one is in force, kept per
 * `<stream>/current`. A version stays for as long as a record names it.
 */
export const SelectorEntry = {
  type: 'record',
  name: 'SelectorEntry',
  namespace: 'gainstream',
  fields: [
    { name: 'stream', type: 'string' },
    { name: 'kind', type: 'string', doc: 'version or current.' },
    { name: 'name', type: 'string' },
    { name: 'sha256', type: 'string', doc: "Of the folder's selector.json, which names those of its other files." },
    { name: 'uri', type: 'string', doc: 'Where the folder lies: file: or https:.' },
    { name: 'entered_at', type: 'long' },
    {
      name: 'previous',
      type: { type: 'array', items: 'string' },
      default: [],
      doc: 'Once in force, newest first; an empty text is retrieval order.',
    },
    { name: 'shadow', type: optional('string'), default: null, doc: 'sha256 of the selector that is only watched.' },
    { name: 'shadow_share', type: 'double', default: 0, doc: 'Of queries that it scores too, 0 to 1.' },
    { name: 'note', type: 'string', default: '', doc: 'Why, for people.' },
  ],
} as const
export type SelectorEntry = Avro<typeof SelectorEntry>

/** What a stage has settled of a run in one partition. See runtime/totals.ts. */
export const Totals = {
  type: 'record',
  name: 'Totals',
  namespace: 'gainstream',
  fields: [
    { name: 'stream', type: 'string' },
    { name: 'run', type: 'string' },
    { name: 'stage', type: 'string' },
    { name: 'partition', type: 'int' },
    { name: 'counts', type: { type: 'map', values: 'long' }, doc: '<outcome> and <outcome>: <reason>.' },
    { name: 'sums', type: { type: 'map', values: 'double' } },
    {
      name: 'replicates',
      type: { type: 'map', values: 'bytes' },
      doc: '<group>/<figure>: float64 sums, the plain one first, then one per Poisson-bootstrap replicate.',
    },
    { name: 'updated_at', type: 'long' },
    {
      name: 'recent',
      type: { type: 'map', values: 'long' },
      default: {},
      doc: 'Outcomes of the last ten minutes by minute since 1970: <minute> for outputs, <minute>: rejected.',
    },
  ],
} as const
export type Totals = Avro<typeof Totals>

/**
 * Somebody gave a record up by hand, kept per `<stream>/<stage>/<partition>/<position>`; or decided where a stage goes on
 * that stands still, kept per `<stream>/<stage>/<partition>/reset` until it does.
 */
export const Decision = {
  type: 'record',
  name: 'Decision',
  namespace: 'gainstream',
  fields: [
    { name: 'stream', type: 'string' },
    { name: 'stage', type: 'string', doc: 'That reads the record.' },
    { name: 'partition', type: 'int' },
    { name: 'position', type: 'long', doc: "In the stage's input; -1 for a reset." },
    { name: 'topic_id', type: 'string', doc: 'Of that topic: one of the same name that is made anew is another.' },
    { name: 'reason', type: 'string' },
    { name: 'decided_at', type: 'long' },
    { name: 'kind', type: 'string', default: 'give up', doc: 'give up, or reset.' },
    { name: 'settled', type: optional('long'), default: null, doc: 'Position that a reset was decided for, if any.' },
    { name: 'to', type: optional('long'), default: null, doc: 'First position that is worked on after a reset.' },
  ],
} as const
export type Decision = Avro<typeof Decision>
