import { random, type Random } from './random.ts'

/**
 * How often the log misbehaves, each as a probability per opportunity (0 to 1). All of it is what Kafka may do too and
 * what the port allows.
 */
export interface Faults {
  /** Positions are skipped where a control marker or an aborted transaction lies; a topic may begin above 0. */
  gaps: number
  /** Every claim of the group is revoked and given out anew: after a take, and in the middle of a settle. */
  rebalances: number
  /**
   * A member does not notice a rebalance: its claims go to others while its `lost` stays silent, for
   * a while, for long, or until it tries to open. */
  zombies: number
  /** `settle` answers unknown: the batch landed. */
  unknownLanded: number
  /** `settle` answers unknown: the batch did not land. */
  unknownVanished: number
  /** `settle` answers unknown: the batch lands a little later, unless somebody opens the seat first. */
  unknownPending: number
  /** `settle` takes long. */
  slowSettles: number
  /** Readers see a committed record a little later, each partition in its own time. */
  lateVisibility: number
  /** A compacted topic drops what has been superseded, in the middle of its life. */
  compaction: number
  /** A `take` waits before it answers. */
  slowPolls: number
  /** A `take` brings fewer records than there are. */
  shortTakes: number
  /** `open` and `take` fail with `Unavailable`. */
  outages: number
}

export const noFaults: Faults = {
  gaps: 0,
  rebalances: 0,
  zombies: 0,
  unknownLanded: 0,
  unknownVanished: 0,
  unknownPending: 0,
  slowSettles: 0,
  lateVisibility: 0,
  compaction: 0,
  slowPolls: 0,
  shortTakes: 0,
  outages: 0,
}

/** Everything at once, often enough that a thousand records meet each of them and still get through in a second or two. */
export const allFaults: Faults = {
  gaps: 0.3,
  rebalances: 0.05,
  zombies: 0.2,
  unknownLanded: 0.04,
  unknownVanished: 0.04,
  unknownPending: 0.04,
  slowSettles: 0.2,
  lateVisibility: 0.5,
  compaction: 0.3,
  slowPolls: 0.3,
  shortTakes: 0.3,
  outages: 0.03,
}

export interface Mischief {
  readonly random: Random
  /** How often each fault struck. */
  readonly struck: Record<keyof Faults, number>
  /** Does this fault strike now? Counted when it does. */
  strikes: (fault: keyof Faults) => boolean
  /** Milliseconds on a clock that only moves on. */
  now: () => number
  /** From now on these, and of the rest none. */
  set: (faults: Partial<Faults>) => void
}

export const mischief = (seed: number, faults: Partial<Faults>): Mischief => {
  const dice = random(seed)
  const struck = { ...noFaults }
  let now: Faults = { ...noFaults, ...faults }
  return {
    random: dice,
    struck,
    strikes(fault) {
      const yes = now[fault] > 0 && dice.next() < now[fault]
      if (yes) struck[fault]++
      return yes
    },
    now: () => performance.now(),
    set: (changed) => (now = { ...noFaults, ...changed }),
  }
}
