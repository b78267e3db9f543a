/**
 * Every metric of ours, in one place: what it is, what it means, and which labels it has beside `stream`. Base units, as
 * Prometheus wants them; labels are stages, partitions, endpoints and kinds only, so that nobody's data makes series.
 */
export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly Label[]
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[]
}

export type Label = 'stage' | 'partition' | 'endpoint' | 'kind'

/** From a commit on a disk at hand to one that waits for a broker to come back. */
const commits = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15]
/** From a cached score to a long generation. */
const calls = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

const counter = <const L extends readonly Label[]>(help: string, ...labels: L) =>
  ({ type: 'counter', help, labels }) as const
const gauge = <const L extends readonly Label[]>(help: string, ...labels: L) =>
  ({ type: 'gauge', help, labels }) as const
const histogram = <const L extends readonly Label[]>(help: string, buckets: readonly number[], ...labels: L) =>
  ({ type: 'histogram', help, buckets, labels }) as const

export const metrics = {
  gainstream_records_in_total: counter('Records taken from the input.', 'stage', 'partition'),
  gainstream_records_out_total: counter('Records written and committed; rejects not.', 'stage', 'partition'),
  gainstream_records_rejected_total: counter(
    'Records that became dead letters: rejected, failed, poison or unwritable.',
    ...(['stage', 'partition', 'kind'] as const),
  ),
  gainstream_records_settled_total: counter('Input records that are done with, however.', 'stage', 'partition'),
  gainstream_retries_total: counter(
    'Attempts that are made again: unavailable (the world) or failed (a bug).',
    ...(['stage', 'kind'] as const),
  ),

  gainstream_records_in_work: gauge('Records whose step is under way.', 'stage', 'partition'),
  gainstream_window_bytes: gauge('Bytes of records and outputs that a lane holds.', 'stage', 'partition'),
  gainstream_window_span: gauge('Positions from the settled prefix to the newest record.', 'stage', 'partition'),
  gainstream_window_use_ratio: gauge(
    'How full the window is, by limit: records (in work), bytes or span. At 1 nothing more is taken.',
    ...(['stage', 'partition', 'kind'] as const),
  ),
  gainstream_oldest_unfinished_seconds: gauge(
    'Age of the oldest record that was taken and is not settled; 0 where there is none.',
    ...(['stage', 'partition'] as const),
  ),
  gainstream_lag: gauge(
    'Positions from the settled prefix to the end of the input, as a consumer group has it.',
    ...(['stage', 'partition'] as const),
  ),

  gainstream_commit_seconds: histogram('How long a commit took.', commits, 'stage'),
  gainstream_commits_total: counter(
    'Commits by how they ended: done, refused (aborted), unknown (read again), fenced (another one owns the partition).',
    ...(['stage', 'partition', 'kind'] as const),
  ),
  gainstream_partitions: gauge('Partitions that this worker holds.', 'stage'),
  gainstream_claims_total: counter('Partitions that came and went: gained or lost.', 'stage', 'kind'),

  gainstream_endpoint_seconds: histogram('How long a call took, without waiting for a slot.', calls, 'endpoint'),
  gainstream_endpoint_errors_total: counter(
    'Calls that failed: timeout, unavailable, rejected (by the endpoint) or failed (a bug).',
    ...(['endpoint', 'kind'] as const),
  ),
  gainstream_endpoint_calls: gauge('Calls under way.', 'endpoint'),
  gainstream_endpoint_limit: gauge('Calls that are allowed at once at present.', 'endpoint'),
  gainstream_endpoint_breaker_state: gauge('0 closed, 1 one call decides, 2 open.', 'endpoint'),

  gainstream_selector_swaps_total: counter(
    'Selectors that were put in force while the stream runs (taken), or could not be (refused).',
    'kind',
  ),
  gainstream_selector_behind: gauge('1 while another selector is wanted than the one that chooses, otherwise 0.'),

  gainstream_server_state: gauge(
    'One of several servers: 0 away, 1 ready, 2 refused (it cannot do this work as it was started), 3 draining.',
    'endpoint',
  ),
  gainstream_server_changes_total: counter(
    'How often a server joined (passed its probe), was lost, was refused, or was drained.',
    ...(['endpoint', 'kind'] as const),
  ),
  gainstream_fleet_waiting: gauge('Calls that wait for one of several servers to have room.', 'endpoint'),
} as const satisfies Readonly<Record<string, Metric>>

export type Metrics = typeof metrics
type Named<T extends Metric['type']> = {
  [N in keyof Metrics]: Metrics[N]['type'] extends T ? N : never
}[keyof Metrics]
export type Counter = Named<'counter'>
export type Gauge = Named<'gauge'>
export type Histogram = Named<'histogram'>
/** The labels that a metric of this name must be given, all of them. */
export type LabelsOf<N extends keyof Metrics> = Readonly<Record<Metrics[N]['labels'][number], string | number>>
