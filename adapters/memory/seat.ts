import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { Batch, Outcome, Seat } from '../../runtime/log.ts'
import type { Process } from './process.ts'
import type { SeatKey, SeatState, World } from './world.ts'

export interface SeatHooks {
  /** May this holder open the seat (again)? `unsure` while nothing proves that it is still a member. */
  entitled: () => 'yes' | 'no' | 'unsure'
  /** Called in the middle of a settle: a rebalance may come between. */
  midway: () => void
}

/** Opens and settles one seat in the world's own state; every fault of the port is dealt here. */
export const seatAt = (world: World, process: Process, key: SeatKey, hooks: SeatHooks): Seat => {
  const { mischief, complaints } = world
  const { random, strikes } = mischief
  let epoch = -1
  let broken = false
  let settling = false

  const decide = (seat: SeatState, batch: Batch): Outcome => {
    const refused = world.refusal(batch)
    if (broken) return unknown('after an outcome that was unknown the seat must be opened again')
    if (seat.epoch !== epoch) return { kind: 'fenced' }
    if (refused) return { kind: 'refused', cause: refused }
    if (strikes('unknownVanished')) return vanish(batch)
    if (strikes('unknownPending')) return leavePending(seat, batch)
    world.land(seat, batch)
    if (!strikes('unknownLanded')) return { kind: 'done' }
    broken = true
    return unknown('the connection broke after the commit')
  }
  const vanish = (batch: Batch) => {
    broken = true
    if (strikes('gaps')) world.waste(batch)
    return unknown('the connection broke before the commit')
  }
  const leavePending = (seat: SeatState, batch: Batch) => {
    broken = true
    seat.pending = () => world.land(seat, batch)
    const mine = seat.pending
    process.later(random.between(1, 40), () => {
      if (seat.pending !== mine) return
      seat.pending = undefined
      mine()
    })
    return unknown('the connection broke during the commit')
  }

  return {
    async open(signal) {
      await process.wait(random.between(0, 2))
      if (strikes('outages')) throw new Unavailable('the memory log is away for a moment', { endpoint: 'memory' })
      while (!signal.aborted && hooks.entitled() === 'unsure') await process.wait(3)
      if (signal.aborted || hooks.entitled() === 'no') throw new Fatal(`this holder has lost ${describe(key)}`)
      const seat = world.seat(key)
      seat.pending = undefined
      epoch = ++seat.epoch
      broken = false
      return seat.settled
    },
    async settle(batch) {
      if (settling) complaints.push(`two settles at once in ${describe(key)}`)
      settling = true
      await process.wait(strikes('slowSettles') ? random.between(1, 15) : 0)
      hooks.midway()
      const outcome = decide(world.seat(key), batch)
      await process.wait(strikes('slowSettles') ? random.between(1, 15) : 0)
      settling = false
      return outcome
    },
    async close() {
      epoch = -1
    },
  }
}

const unknown = (message: string): Outcome => ({ kind: 'unknown', cause: new Error(message) })

const describe = (key: SeatKey) => ('source' in key ? `source ${key.source}` : `${key.topic}/${key.partition}`)
