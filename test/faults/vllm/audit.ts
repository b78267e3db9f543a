/** What stands in the log after a fault, counted by query id. */
import { merged, type Totals } from '../../../runtime/totals.ts'
import { gains, rejects, totals } from '../../../topics/index.ts'
import { compared } from '../audit.ts'
import { perQuery, run } from './queries.ts'
import type { World } from './world.ts'

export interface Reject {
  readonly id: string
  readonly kind: string
  readonly reason: string
}

export interface Counted {
  readonly seen: number
  readonly lost: number
  readonly doubled: number
  readonly rejects: readonly Reject[]
  /** What is not as it should be, beside what is lost or doubled. */
  readonly wrong: readonly string[]
  /** When each gain was made, in order. */
  readonly times: readonly number[]
}

const idOf = (key: Buffer | null) => String(key).slice(run.length + 1)

const gainsIn = async ({ log, named, codec }: World) => {
  const found: { id: string; at: number }[] = []
  const wrong: string[] = []
  for await (const { key, value, timestamp } of log.read(named.topic(gains))) {
    const { query, gains: measured, exact } = await codec.decode(gains, value ?? Buffer.alloc(0))
    const whole = exact && measured.length === perQuery && measured.every(({ mean_nll }) => mean_nll !== null)
    if (query.id !== idOf(key) || !whole) wrong.push(`the gains of ${idOf(key)} are not whole`)
    found.push({ id: query.id, at: timestamp })
  }
  return { found, wrong }
}

const rejectsIn = async ({ log, named }: World) => {
  const found: Reject[] = []
  for await (const { key, headers } of log.read(named.topic(rejects)))
    found.push({ id: idOf(key), kind: headers['reject.kind'] ?? '', reason: headers['reject.reason'] ?? '' })
  return found
}

const totalsIn = async ({ log, named, codec }: World) => {
  const newest = new Map<string, Totals>()
  for await (const { key, value } of log.read(named.topic(totals)))
    if (value) newest.set(String(key), await codec.decode(totals, value))
  return merged([...newest.values()]).counts
}

/** Every query has its gain once, or is one of those that had to be rejected; and the totals say the same. */
export const counted = async (
  world: World,
  wanted: readonly string[],
  rejected: readonly string[],
): Promise<Counted> => {
  const { found, wrong } = await gainsIn(world)
  const dead = await rejectsIn(world)
  const counts = await totalsIn(world)
  const due = wanted.filter((id) => !rejected.includes(id))
  const { lost, doubled, foreign } = compared(
    due,
    found.map(({ id }) => id),
  )
  const blamed = compared(
    rejected,
    dead.map(({ id }) => id),
  )
  if (blamed.lost.length > 0) wrong.push(`${blamed.lost.join(', ')} should be rejected`)
  if (blamed.foreign.length > 0)
    wrong.push(`rejected though the world was to blame: ${blamed.foreign.slice(0, 5).join(', ')}`)
  if (blamed.doubled.length > 0) wrong.push(`rejected twice: ${blamed.doubled.join(', ')}`)
  if ((counts['labelled'] ?? 0) !== found.length)
    wrong.push(`totals say ${counts['labelled']} labelled of ${found.length}`)
  if ((counts['rejected'] ?? 0) !== dead.length)
    wrong.push(`totals say ${counts['rejected']} rejected of ${dead.length}`)
  const times = found.map(({ at }) => at).sort((a, b) => a - b)
  const missing = lost.filter((id) => !dead.some((reject) => reject.id === id))
  return {
    seen: found.length,
    lost: missing.length,
    doubled: doubled.length + foreign.length,
    rejects: dead,
    wrong,
    times,
  }
}
