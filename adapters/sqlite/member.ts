/** Membership: a lease kept by heartbeats, and the claims that come and go with it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Fatal } from '../../runtime/errors.ts'
import type { Join, Membership } from '../../runtime/log.ts'
import { claim } from './claim.ts'
import type { Database } from './database.ts'
import { callRoll, leave as strikeOff, type Entry, type Standing } from './roll.ts'
import { find, findAgain } from './topics.ts'

export interface Member extends Membership {
  /** Look at the roll now instead of at the next heartbeat. */
  nudge(): void
}

/** `onChange` is called when other members may have something to take or to give. */
export const join = async (db: Database, request: Join, onChange: () => void): Promise<Member> => {
  const { group, topic } = request
  const found = await db.look(() => find(db, topic))
  if (!found) throw new Fatal(`topic ${topic} does not exist in the log ${db.path}: apply the topics first`)
  const entry: Entry = { group, topic, made: found.id, partitions: found.partitions.length }

  const claims = new Map<number, AbortController>()
  const stop = new AbortController()
  let member: string | undefined
  let expires = 0

  const lose = (partition: number, reason?: Error) => {
    const held = claims.get(partition)
    claims.delete(partition)
    held?.abort(reason)
  }
  const loseAll = (reason?: Error) => {
    for (const partition of [...claims.keys()]) lose(partition, reason)
  }
  const hand = (mine: string, partition: number) => {
    const control = new AbortController()
    claims.set(partition, control)
    const onFenced = () => {
      if (claims.get(partition) === control) lose(partition)
      nudge()
    }
    request.onClaim(claim(db, entry, { member: mine, partition, lost: control.signal, onFenced }))
  }
  const adopt = (standing: Standing) => {
    if (standing.member !== member) loseAll()
    member = standing.member
    const mine = new Set(standing.partitions)
    for (const partition of [...claims.keys()]) if (!mine.has(partition)) lose(partition)
    for (const partition of standing.partitions) {
      if (stop.signal.aborted) return
      if (!claims.has(partition)) hand(standing.member, partition)
    }
    if (standing.changed) onChange()
  }
  const fail = (error: Error) => {
    if (stop.signal.aborted) return
    stop.abort()
    loseAll(error)
    request.onFailure(error)
  }

  const beat = async () => {
    const asked = db.settings.clock()
    const standing = await db.change(() => {
      findAgain(db, topic, entry.made)
      return callRoll(db, entry, member)
    }, stop.signal)
    expires = asked + db.settings.lease
    adopt(standing)
  }
  /** While the log cannot be reached the membership waits; but once the lease has run out, others may work. */
  const survive = (error: unknown) => {
    if (db.closed) stop.abort()
    else if (error instanceof Fatal) fail(error)
    if (db.closed || db.settings.clock() >= expires) loseAll()
  }

  let beating: Promise<void> | undefined
  let again = false
  const beats = async () => {
    do {
      again = false
      await beat().catch(survive)
    } while (again && !stop.signal.aborted)
    beating = undefined
  }
  function nudge() {
    again = true
    if (!stop.signal.aborted) beating ??= beats()
  }
  const live = async () => {
    while (!stop.signal.aborted) {
      await sleep(db.settings.heartbeat, undefined, { signal: stop.signal }).catch(() => {})
      nudge()
      await beating
    }
  }
  const leave = async () => {
    stop.abort()
    loseAll()
    await beating
    const last = member
    member = undefined
    if (last === undefined || db.closed) return
    // Where the log cannot be reached, the lease will run out by itself.
    await db.change(() => strikeOff(db, last)).catch(() => {})
    onChange()
  }

  await beat()
  void live()
  return { leave, nudge }
}
