/** A partition in the hands of a member. */
import { Fatal } from '../../runtime/errors.ts'
import type { Bounds, Claim } from '../../runtime/log.ts'
import type { Database } from './database.ts'
import { scan } from './records.ts'
import { holds, madeOf, type Entry } from './roll.ts'
import { seat } from './seats.ts'
import { findAgain } from './topics.ts'

/** `lost` belongs to the membership; aborted with a `Fatal` as its reason, it says that waiting cannot mend it. */
export const claim = (
  db: Database,
  entry: Entry,
  holder: { member: string; partition: number; lost: AbortSignal; onFenced: () => void },
): Claim => {
  const { group, topic, made } = entry
  const { member, partition, lost, onFenced } = holder
  const owned = seat(
    db,
    { group, topic, name: String(partition) },
    {
      holds: () => holds(db, entry, member, partition),
      admit() {
        if (!holds(db, entry, member, partition)) {
          onFenced() // first: a lane whose claim is lost ends quietly
          throw new Fatal(`partition ${partition} of ${topic} is no longer this member's in group ${group}`)
        }
        findAgain(db, topic, String(madeOf(db, entry, partition)))
      },
      onFenced,
    },
  )
  const take: Claim['take'] = async (from, max, signal) => {
    for (;;) {
      if (lost.reason instanceof Fatal) throw lost.reason
      if (signal.aborted || lost.aborted || db.closed) return { records: [], next: from }
      const lanes: number[] = []
      let seen = 0
      const taken = await db.look(() => {
        const lane = findAgain(db, topic, made).partitions[partition]
        if (!lane) throw new Fatal(`topic ${topic} has no partition ${partition}`)
        verify(topic, partition, lane, from)
        lanes.push(lane.id)
        seen = db.wakes.seen(lanes)
        return scan(db, { topic, partition, lane: lane.id, from, until: lane.end }, max)
      }, signal)
      if (taken.next > from) return taken
      await db.wakes.after(lanes, seen, [signal, lost])
    }
  }
  return { topic, partition, lost, take, ...owned }
}

/** I9: nobody reads on where records are missing. */
export const verify = (topic: string, partition: number, { first, end }: Bounds, from: number) => {
  const place = `partition ${partition} of ${topic}`
  if (from < first)
    throw new Fatal(
      `${place} begins at ${first}: the records from ${from} on were deleted by its retention before they were read; start again, and the stage says how to go on`,
    )
  if (from > end)
    throw new Fatal(
      `${place} ends at ${end}, before the position ${from} to go on from: is it an older copy of the log?`,
    )
}
