import type { Claim, Log, Seat } from '../../runtime/log.ts'

/**
 * A handle that can die as a process does: from then on nothing that was asked is answered and nobody is called.
 * What the log itself does about its death is the business of whoever kills it.
 */
export const mortal = (log: Log): { log: Log; kill: () => void } => {
  let alive = true
  const answered = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } finally {
      if (!alive) await new Promise(() => {})
    }
  }
  const asked = <T>(work: () => Promise<T>): Promise<T> => (alive ? answered(work()) : new Promise(() => {}))
  const seat = (inner: Seat): Seat => ({
    open: (signal) => asked(() => inner.open(signal)),
    settle: (batch) => asked(() => inner.settle(batch)),
    close: () => asked(() => inner.close()),
  })
  const claim = (inner: Claim): Claim => {
    const lost = new AbortController()
    inner.lost.addEventListener('abort', () => alive && lost.abort(inner.lost.reason), { once: true })
    if (inner.lost.aborted) lost.abort(inner.lost.reason)
    const { topic, partition } = inner
    return { ...seat(inner), topic, partition, lost: lost.signal, take: (...args) => asked(() => inner.take(...args)) }
  }
  const made: Log = {
    name: log.name,
    apply: (topics) => asked(() => log.apply(topics)),
    describe: (topic) => asked(() => log.describe(topic)),
    source: (group, name) => seat(log.source(group, name)),
    settled: (group, topic) => asked(() => log.settled(group, topic)),
    read: (topic, options) => log.read(topic, options),
    remove: (what) => asked(() => log.remove(what)),
    close: () => asked(() => log.close()),
    join: (request) =>
      asked(async () => {
        const membership = await log.join({
          ...request,
          onClaim: (inner) => alive && request.onClaim(claim(inner)),
          onFailure: (error) => alive && request.onFailure(error),
        })
        return { leave: () => asked(() => membership.leave()) }
      }),
  }
  return { log: made, kill: () => (alive = false) }
}
