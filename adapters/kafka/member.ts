/**
 * Membership: signs of life, and the claims that come and go with the generations of the group.
 *
 * A rebalance stops nobody: who keeps a partition works on, and who loses one is told when the new generation is shared
 * out. Should it hear of that too late, the next owner has fenced it (I4).
 */
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import type { Join, Membership } from '../../runtime/log.ts'
import { delay, pause, within } from '../../runtime/wait.ts'
import { claim } from './claim.ts'
import type { Client } from './client.ts'
import { isExpelled, isInconsistent, isRebalancing, translated } from './failures.ts'
import { groupTalk } from './group.ts'
import { describe, type LimitsOf } from './topics.ts'

export const join = async (client: Client, limits: LimitsOf, request: Join): Promise<Membership> => {
  const { group, topic } = request
  const info = await describe(client, topic)
  if (!info) throw new Fatal(`topic ${topic} does not exist in Kafka: apply the topics first`)
  const { session, heartbeat, deadline } = client.settings
  const talk = groupTalk(client, group, topic, info.partitions.length)
  const claims = new Map<number, AbortController>()
  const stop = new AbortController()
  /**
   * Thrown out for silence. What it holds it may get back, with the work in hand: who has it meanwhile has fenced it. Not
   * so when it was this process that slept: then others have gone on, and it would only do their work again.
   */
  let expelled = false
  const sleep = watch(session, heartbeat)
  /** Resolves with the generation that comes next, or with the end of the membership. */
  let joining: Promise<void> | undefined

  const loseAll = () => {
    for (const control of claims.values()) control.abort()
    claims.clear()
  }
  const hand = (partition: number) => {
    const control = new AbortController()
    claims.set(partition, control)
    const lost = control.signal
    request.onClaim(
      claim(client, limits, {
        ...{ group, topic, id: info.id, partition, lost },
        prove: (signal) => prove(lost, signal, partition),
        mayReturn: () => isStill(lost),
      }),
    )
  }
  const adopt = (mine: readonly number[]) => {
    for (const [partition, control] of claims) {
      if (mine.includes(partition)) continue
      claims.delete(partition)
      control.abort()
    }
    for (const partition of mine) if (!claims.has(partition) && !stop.signal.aborted) hand(partition)
  }
  const fail = (error: Error) => {
    if (stop.signal.aborted) return
    stop.abort()
    sleep.end()
    loseAll()
    request.onFailure(error)
  }

  const timed = <T>(ms: number, what: string, work: () => Promise<T>) =>
    within(ms, client.closed, work, () => new Unavailable(`${what} took longer than ${ms} ms`, { endpoint: 'kafka' }))
  /** The generation is over, or this member is: whatever the coordinator said, or did not say. */
  const heard = (error: unknown) => {
    if (isInconsistent(error)) {
      fail(new Fatal(`the group ${group} has members of another program: give this stream a prefix of its own`))
    } else if (isExpelled(error)) {
      talk.forget()
      expelled = true
      if (sleep.noticed()) loseAll()
    } else {
      const reason = translated(error, `membership of ${group}`)
      if (reason instanceof Fatal) fail(reason)
    }
  }
  const rejoin = async () => {
    for (let failures = 0; !stop.signal.aborted && !client.closed.aborted; failures++) {
      try {
        const held = expelled ? [] : [...claims.keys()]
        const mine = await timed(2 * session + deadline, `joining ${group}`, () => talk.join(held))
        expelled = false
        return adopt(mine)
      } catch (error) {
        heard(error)
        if (!isRebalancing(error)) await pause(10 + delay({ from: 20, to: 1_000 }, failures), stop.signal)
      }
    }
  }
  const joined = () => (joining ??= rejoin().finally(() => (joining = undefined)))

  /** Asks the coordinator whether this member still is one in the generation that it knows. */
  const alive = async (): Promise<boolean> => {
    try {
      await timed(deadline, `a sign of life in ${group}`, () => talk.beat())
      return true
    } catch (error) {
      heard(error)
      if (!isExpelled(error) && !isRebalancing(error)) throw translated(error, `membership of ${group}`)
      void joined()
      return false
    }
  }
  /** Until the coordinator says that the partition is this member's, now. */
  const prove = async (lost: AbortSignal, signal: AbortSignal, partition: number) => {
    for (;;) {
      if (!lost.aborted && !stop.signal.aborted) {
        await joining
        if (!lost.aborted && (await alive()) && !joining) return
      }
      if (lost.aborted || stop.signal.aborted)
        throw new Fatal(`partition ${partition} of ${topic} is no longer this member's in group ${group}`)
      signal.throwIfAborted()
    }
  }
  const isStill = async (lost: AbortSignal) => {
    while (!lost.aborted && !stop.signal.aborted) {
      await joining
      const sure = await alive().catch(() => true) // open will ask again, and wait
      if (sure) return !lost.aborted
    }
    return false
  }

  const live = async () => {
    while (!stop.signal.aborted && !client.closed.aborted) {
      await pause(heartbeat, stop.signal)
      if (stop.signal.aborted) return
      await joining
      await alive().catch(() => {}) // while no broker answers, the claims stay: nobody else can be given them
    }
  }
  const leave = async () => {
    stop.abort()
    sleep.end()
    loseAll()
    await timed(deadline, `leaving ${group}`, () => talk.leave()).catch(() => {}) // then its session runs out
    talk.close()
  }

  await joined()
  void live().catch((error: unknown) => fail(new Fatal(`membership of ${group} ended: ${sentence(error)}`)))
  return { leave }
}

/** Notices when this process stood still for longer than `most`; says so once. */
const watch = (most: number, every: number) => {
  let [seen, slept] = [Date.now(), false]
  const timer = setInterval(() => {
    const now = Date.now()
    slept ||= now - seen > most
    seen = now
  }, every)
  timer.unref()
  return {
    noticed: () => {
      const found = slept
      slept = false
      return found
    },
    end: () => clearInterval(timer),
  }
}
