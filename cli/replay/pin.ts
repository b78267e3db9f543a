/** The stretch of a re-injection as it was when it began: the seats of its sources keep it. */
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import type { Seat, Settled } from '../../runtime/log.ts'
import { delay, pause } from '../../runtime/wait.ts'
import type { World } from '../world.ts'
import type { Stretch } from './range.ts'

export interface Pin {
  readonly from: number
  readonly until: number
  /** As the seat keeps it. */
  readonly note: string
}

const noteOf = (from: number, until: number) => `from=${from}&until=${until}`

const pinOf = (note: string): Pin => {
  const [, from, until] = /^from=(\d+)&until=(\d+)$/.exec(note) ?? []
  return { from: Number(from), until: Number(until), note }
}

const breath = { from: 50, to: 2000 }

/** What the seat keeps; where it keeps nothing, this is written first. */
const kept = async (seat: Seat, first: Settled, name: string, signal: AbortSignal): Promise<Settled> => {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted()
    try {
      const settled = await seat.open(signal)
      if (settled) return settled
      const outcome = await seat.settle({ records: [], settled: first })
      if (outcome.kind === 'fenced') throw new Fatal(`another process is sending the same (${name}); let it finish`)
      if (outcome.kind === 'refused') throw new Fatal(`the log refuses to keep where ${name} begins`)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      await pause(delay(breath, failures), signal)
    }
  }
}

/** Where each partition begins and ends for the re-injection of this name: as now, or as when it began. */
export const pinned = async (
  { log, names }: World,
  name: string,
  { from, until }: Stretch,
  signal: AbortSignal,
): Promise<Pin[]> => {
  const pins: Pin[] = []
  for (const [partition, end] of until.entries()) {
    const begin = from[partition] ?? 0
    const seat = log.source(names.group('ingest'), `${name}/${partition}`)
    try {
      const { note } = await kept(seat, { position: begin, note: noteOf(begin, end) }, name, signal)
      pins.push(pinOf(note))
    } finally {
      await seat.close().catch(() => {})
    }
  }
  return pins
}
