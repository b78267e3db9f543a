import type { Batch, Claim, Log, Seat } from '../../../runtime/log.ts'

/** The same cluster as a log of its own: every topic and group under a prefix that its user does not see. */
export const prefixed = (log: Log, prefix: string): Log => {
  const outer = (name: string) => `${prefix}.${name}`
  const inner = (name: string) => name.slice(prefix.length + 1)
  const moved = ({ records, settled }: Batch): Batch => ({
    settled,
    records: records.map((record) => ({ ...record, topic: outer(record.topic) })),
  })
  const seat = (of: Seat): Seat => ({
    open: (signal) => of.open(signal),
    settle: (batch) => of.settle(moved(batch)),
    close: () => of.close(),
  })
  const claim = (of: Claim): Claim => ({
    ...seat(of),
    ...{ topic: inner(of.topic), partition: of.partition, lost: of.lost },
    async take(from, max, signal) {
      const { records, next } = await of.take(from, max, signal)
      return { next, records: records.map((record) => ({ ...record, topic: inner(record.topic) })) }
    },
  })
  return {
    name: log.name,
    apply: (topics) => log.apply(topics.map((spec) => ({ ...spec, name: outer(spec.name) }))),
    describe: (topic) => log.describe(outer(topic)),
    join: (request) =>
      log.join({
        group: outer(request.group),
        topic: outer(request.topic),
        onFailure: (error) => request.onFailure(error),
        onClaim: (of) => request.onClaim(claim(of)),
      }),
    source: (group, name) => seat(log.source(outer(group), name)),
    settled: (group, topic) => log.settled(outer(group), outer(topic)),
    async *read(topic, options) {
      for await (const record of log.read(outer(topic), options)) yield { ...record, topic: inner(record.topic) }
    },
    remove: ({ topics, groups }) => log.remove({ topics: topics.map(outer), groups: groups.map(outer) }),
    close: () => log.close(),
  }
}
