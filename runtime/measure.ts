/** What lanes and endpoints tell the meter and the tracer, so that their own files say only what they do. */
import type { Endpoint } from './endpoint.ts'
import type { Result } from './handle.ts'
import type { Log, Outcome, Outgoing } from './log.ts'
import type { Meter, Observe } from './observe.ts'
import type { Policy } from './policy.ts'
import type { TrackedWindow } from './window.ts'

/**
 * Ends of a topic's partitions, asked for at most every `every` milliseconds, however many lanes want to know.
 * @param until where they end for this stage, if it reads no further
 */
export const endOf = (log: Pick<Log, 'describe'>, topic: string, until: readonly number[] = [], every = 5000) => {
  let asked = -Infinity
  let ends: Promise<readonly number[]> | undefined
  return async (partition: number): Promise<number | undefined> => {
    if (!ends || performance.now() - asked >= every) {
      asked = performance.now()
      ends = log
        .describe(topic)
        .then((info) => info?.partitions.map(({ end }, at) => Math.min(end, until[at] ?? end)) ?? [])
    }
    return (await ends.catch((): readonly number[] => []))[partition]
  }
}

export interface Measuring {
  readonly observe: Observe
  readonly stage: string
  readonly partition: number
  readonly policy: Policy
  readonly now: () => number
  /** Where the partition ends, if that is known. */
  readonly end: (partition: number) => Promise<number | undefined>
}

type Window = TrackedWindow<Result>

/** Gauges of a lane, read when somebody looks; `window` is undefined until the lane knows where it is. */
const gauges = ({ observe, stage, partition, policy, now, end }: Measuring, window: () => Window | undefined) => {
  const labels = { stage, partition }
  const { meter } = observe
  const of = (read: (window: Window) => number) => () => {
    const own = window()
    return own && read(own)
  }
  const age = (own: Window) => {
    const oldest = own.oldest()
    return oldest ? Math.max(0, now() - oldest.record.timestamp) / 1000 : 0
  }
  const lag = async () => {
    const until = await end(partition)
    const own = window()
    return until === undefined || !own ? undefined : Math.max(0, until - own.base, own.span)
  }
  const use = (kind: string, read: (own: Window) => number) =>
    meter.watch('gainstream_window_use_ratio', of(read), { ...labels, kind })
  return [
    meter.watch('gainstream_records_in_work', of(({ working }) => working), labels), // prettier-ignore
    meter.watch('gainstream_window_bytes', of(({ bytes }) => bytes), labels), // prettier-ignore
    meter.watch('gainstream_window_span', of(({ span }) => span), labels), // prettier-ignore
    use('records', ({ working }) => working / policy.inFlight),
    use('bytes', ({ bytes }) => bytes / policy.bytes),
    use('span', ({ span }) => span / policy.span),
    meter.watch('gainstream_oldest_unfinished_seconds', of(age), labels),
    meter.watch('gainstream_lag', lag, labels),
  ]
}

/** Dead letters by kind; one that was taken back is none. */
const rejectsIn = (results: readonly (Result | undefined)[]) =>
  Map.groupBy(
    results
      .flatMap((result) => result?.tallies ?? [])
      .filter(({ outcome, times = 1 }) => outcome === 'rejected' && times > 0),
    ({ reason = '' }) => reason,
  )

/** As many as a trace viewer can show. */
const mostLinks = 64
const tracesOf = (records: readonly Outgoing[]) =>
  [...new Set(records.flatMap(({ headers }) => headers.traceparent ?? []))].slice(0, mostLinks)

export const measured = (of: Measuring, window: () => Window | undefined) => {
  const { observe, stage, partition } = of
  const { meter, tracer } = observe
  const labels = { stage, partition }
  const watched = gauges(of, window)
  return {
    taken: (records: number) => meter.count('gainstream_records_in_total', records, labels),
    /** One commit, timed, as a span that is linked to the work that it makes visible. */
    commit: (records: readonly Outgoing[], work: () => Promise<Outcome>): Promise<Outcome> =>
      tracer.span('commit', { links: () => tracesOf(records) }, async (span) => {
        const began = performance.now()
        const outcome = await work()
        meter.observe('gainstream_commit_seconds', (performance.now() - began) / 1000, { stage })
        meter.count('gainstream_commits_total', 1, { ...labels, kind: outcome.kind })
        span.say(() => ({ ...about({ stage, partition }), 'gainstream.records': records.length, 'gainstream.outcome': outcome.kind })) // prettier-ignore
        if (outcome.kind !== 'done') span.fail(outcome.kind)
        return outcome
      }),
    settled(results: readonly (Result | undefined)[]) {
      const rejects = rejectsIn(results)
      const dead = [...rejects.values()].reduce((sum, { length }) => sum + length, 0)
      const records = results.reduce((sum, result) => sum + (result?.records.length ?? 0), 0)
      meter.count('gainstream_records_settled_total', results.length, labels)
      meter.count('gainstream_records_out_total', records - dead, labels)
      for (const [kind, { length }] of rejects) {
        meter.count('gainstream_records_rejected_total', length, { ...labels, kind })
      }
    },
    /** The partition is no longer this worker's: nobody is told of it any more. */
    stop: () => watched.forEach((unwatch) => unwatch()),
  }
}

/** Attributes under our own name. */
export const about = (given: Readonly<Record<string, string | number | undefined>>) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [`gainstream.${name}`, value]))

const states = { closed: 0, trying: 1, open: 2 } as const

/** Gauges of an endpoint, until the function that comes back is called. */
export const watchEndpoint = (meter: Meter, of: Endpoint) => {
  const labels = { endpoint: of.name }
  const watched = [
    meter.watch('gainstream_endpoint_calls', () => of.inFlight, labels),
    meter.watch('gainstream_endpoint_limit', () => of.limit, labels),
    meter.watch('gainstream_endpoint_breaker_state', () => states[of.breaker], labels),
  ]
  return () => watched.forEach((unwatch) => unwatch())
}
