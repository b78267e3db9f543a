/**
 * Where everything travels. Nothing grows without a line here that says so: each topic names how long it is kept and
 * why that is enough.
 */
import { days, megabytes, topic } from '../runtime/topic.ts'
import { Answer } from '../schemas/answer.ts'
import { Candidates } from '../schemas/candidates.ts'
import { Context } from '../schemas/context.ts'
import { Decision, RunEntry, SelectorEntry, StreamEntry, Totals } from '../schemas/control.ts'
import { Draft } from '../schemas/draft.ts'
import { Gains } from '../schemas/gains.ts'
import { Metric } from '../schemas/metric.ts'
import { Passage } from '../schemas/passage.ts'
import { Asked } from '../schemas/query.ts'
import { Sample } from '../schemas/sample.ts'

/**
 * Key of all that belongs to one query of one run. A run's name holds no `/`, a query's id may: what stands before the
 * first `/` is the run.
 */
export const queryKey = (run: string, queryId: string) => `${run}/${queryId}`

const ofQuery = ({ run, query }: { run: string; query: { id: string } }) => queryKey(run, query.id)

/** Grows with the corpus: the store can be built anew from here. A null value deletes the passage. */
export const passages = topic<Passage>({
  name: 'passages',
  schema: Passage,
  key: ({ id }) => id,
  keyedByRun: false,
  retention: 'forever',
})

/** Small, and what a run was asked: long enough for a backlog of weeks. */
export const queries = topic<Asked>({ name: 'queries', schema: Asked, key: ofQuery, retention: days(30) })

/** Made from queries at the cost of one call: a week, to look into what went wrong. */
export const drafts = topic<Draft>({ name: 'drafts', schema: Draft, key: ofQuery, retention: days(7) })

/** Large (the text of every candidate), and all of it is in gains again: a week. */
export const candidates = topic<Candidates>({
  name: 'candidates',
  schema: Candidates,
  key: ofQuery,
  retention: days(7),
})

/** Grows by some 70 KB a query: what was measured at great cost, with the text that replays need. */
export const gains = topic<Gains>({ name: 'gains', schema: Gains, key: ofQuery, retention: 'forever' })

/** Grows by one training group a query: the product. */
export const samples = topic<Sample>({ name: 'samples', schema: Sample, key: ofQuery, retention: 'forever' })

/** Only the kept passages with text; of the others their scores. */
export const contexts = topic<Context>({ name: 'contexts', schema: Context, key: ofQuery, retention: days(30) })

/** The answer with its context: for readers that come late. What is counted of it stays in metrics. */
export const answers = topic<Answer>({
  name: 'answers',
  schema: Answer,
  key: ({ context }) => ofQuery(context),
  retention: days(30),
})

/** Grows by about 1 KB a query, without any passage text: what every comparison over time reads. */
export const metrics = topic<Metric>({
  name: 'metrics',
  schema: Metric,
  key: ({ run, query_id }) => queryKey(run, query_id),
  retention: 'forever',
})

/**
 * Dead letters: the raw key, value and headers of a record as they came, reason and origin in further headers. No
 * schema, since the record may fit none, and room for the largest record of any other topic with those headers. Grows
 * with what fails: a reject is the outcome of its query until somebody resolves it. The key is the record's own, so
 * whoever writes here gives it himself.
 */
export const rejects = topic<Buffer>({ name: 'rejects', key: () => '', retention: 'forever', maxBytes: megabytes(24) })

/** One entry a run. */
export const runs = topic<RunEntry>({
  name: 'runs',
  schema: RunEntry,
  key: ({ stream, run }) => `${stream}/${run}`,
  retention: 'forever',
  compact: true,
  control: true,
  maxBytes: megabytes(1),
})

/** One entry a stream. */
export const streams = topic<StreamEntry>({
  name: 'streams',
  schema: StreamEntry,
  key: ({ stream }) => stream,
  retention: 'forever',
  compact: true,
  control: true,
  maxBytes: megabytes(1),
})

/** One small entry for each record that somebody gave up by hand, and for each lane that is to go on elsewhere. */
export const decisions = topic<Decision>({
  name: 'decisions',
  schema: Decision,
  key: ({ stream, stage, partition, position, kind }) =>
    `${stream}/${stage}/${partition}/${kind === 'reset' ? kind : position}`,
  retention: 'forever',
  compact: true,
  control: true,
  maxBytes: megabytes(1),
})

/** One entry a stream for what is in force, and one for each selector that it ever used. */
export const selectors = topic<SelectorEntry>({
  name: 'selectors',
  schema: SelectorEntry,
  key: ({ stream, kind, sha256 }) => (kind === 'current' ? `${stream}/current` : `${stream}/version/${sha256}`),
  retention: 'forever',
  compact: true,
  control: true,
  maxBytes: megabytes(1),
})

/**
 * One entry a run, stage and partition: the lanes fold, and viewers read only this. Of the stream, and in the partition
 * whose lane writes it: what a dead process left open in one partition holds up nobody who needs another. One entry
 * takes some 15 KB a dataset with its bootstrap replicates.
 */
export const totals = topic<Totals>({
  name: 'totals',
  schema: Totals,
  key: ({ stream, run, stage, partition }) => `${stream}/${run}/${stage}/${partition}`,
  keyedByRun: false,
  retention: 'forever',
  compact: true,
  maxBytes: megabytes(4),
})
