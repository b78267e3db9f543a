import type { Batch, Claim, Log, Membership, Outcome, Settled, Taken } from '../../runtime/log.ts'

/** What comes between the lanes and the log that is tested. */
export interface Between {
  settle?: (batch: Batch, go: (batch: Batch) => Promise<Outcome>, claim: Claim) => Promise<Outcome>
  open?: (go: () => Promise<Settled | undefined>, claim: Claim) => Promise<Settled | undefined>
  onJoined?: (membership: Membership) => void
  onTaken?: (taken: Taken, claim: Claim) => void
  /** The member never learns that it has lost a partition. */
  deaf?: boolean
}

const never = new AbortController().signal

/** The same log, with something between it and its members. */
export const wrapped = (log: Log, between: Between): Log => ({
  name: log.name,
  apply: (topics) => log.apply(topics),
  describe: (topic) => log.describe(topic),
  source: (group, name) => log.source(group, name),
  settled: (group, topic) => log.settled(group, topic),
  read: (topic, options) => log.read(topic, options),
  remove: (what) => log.remove(what),
  close: () => log.close(),
  async join(request) {
    const membership = await log.join({ ...request, onClaim: (claim) => request.onClaim(wrap(claim, between)) })
    between.onJoined?.(membership)
    return membership
  },
})

const wrap = (claim: Claim, { settle, open, onTaken, deaf }: Between): Claim => ({
  topic: claim.topic,
  partition: claim.partition,
  lost: deaf ? never : claim.lost,
  close: () => claim.close(),
  open(signal) {
    const go = () => claim.open(signal)
    return open ? open(go, claim) : go()
  },
  settle(batch) {
    const go = (changed: Batch) => claim.settle(changed)
    return settle ? settle(batch, go, claim) : go(batch)
  },
  async take(from, max, signal) {
    const taken = await claim.take(from, max, signal)
    // A deaf member does not see why nothing comes, and asks again.
    if (deaf && taken.records.length === 0 && taken.next === from)
      await new Promise((resolve) => setTimeout(resolve, 10))
    onTaken?.(taken, claim)
    return taken
  },
})
