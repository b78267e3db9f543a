/** A fault on the way to the servers: what is broken, and what is found afterwards. */
import type { Counted, Reject } from './audit.ts'
import { ground, type Ground, type GroundOptions, type Measure, type Target } from './ground.ts'
import { rateOf, standstill, untilFull } from './rate.ts'

export interface Found {
  readonly servers: string
  readonly queries: number
  readonly seen: number
  readonly lost: number
  readonly doubled: number
  readonly rejects: readonly Reject[]
  readonly wrong: readonly string[]
  readonly seconds: number
  /** Queries a second before the first blow. */
  readonly rate: number
  /** Of each fault: how long it was, the longest time without a gain, and from its end to the full rate; seconds. */
  readonly blows: readonly { readonly lasted: number; readonly standstill: number; readonly untilFull: number | null }[]
  readonly seenByServers: readonly (Target['seen'] & { readonly deaths: number })[]
  readonly remarks: readonly string[]
}

export interface Fault {
  readonly name: string
  run(this: void, measure: Measure): Promise<Found>
}

export interface Story extends Omit<GroundOptions, 'prefix'> {
  strike(at: Ground): Promise<void>
  /** What else must hold. */
  wrong?(at: Ground): readonly string[]
  remarks?(at: Ground): readonly string[]
}

const seconds = (ms: number) => Math.round(ms / 100) / 10

const blowsOf = (at: Ground, { times }: Counted) => {
  const [first] = at.blows
  // What is done while the first connections are made is not yet the full rate.
  const full = first ? rateOf(times, times[0]! + 1_000, first.began) : 0
  const { queries, supply } = at.measure
  const window = supply.kind === 'real' ? 15_000 : Math.min(2_000, (queries / 40) * 250)
  const share = supply.kind === 'real' ? 0.75 : 0.9
  const blows = at.blows.map(({ began, over, share: left }) => ({
    lasted: seconds(over - began),
    standstill: seconds(standstill(times, began, over)),
    untilFull: nullable(untilFull(times, over, full * left, { window, share })),
  }))
  return { full, blows }
}

const nullable = (ms: number | undefined) => (ms === undefined ? null : seconds(ms))

/** Queries are in, the worker works, the fault strikes, everything is settled, everything is counted. */
export const struck = async (name: string, measure: Measure, story: Story): Promise<Found> => {
  const prefix = `${name}-${Date.now().toString(36)}`
  const at = await ground(measure, { ...story, prefix })
  try {
    const rejected = story.poison === undefined ? [] : [at.ids[story.poison]!]
    await at.reached(1e-9)
    const began = Date.now()
    await story.strike(at)
    await at.reached(1)
    const took = Date.now() - began
    const left = await at.worker.dismiss()
    const found = await at.audit(rejected)
    const { full, blows } = blowsOf(at, found)
    const { seen, lost, doubled, rejects } = found
    return {
      ...{ servers: measure.supply.kind, queries: measure.queries, seen, lost, doubled, rejects, blows },
      ...{ seconds: seconds(took), rate: Math.round(full * 10) / 10, remarks: story.remarks?.(at) ?? [] },
      seenByServers: at.servers.map(({ seen, deaths }) => ({ ...seen, deaths })),
      wrong: [...found.wrong, ...(left ? [] : ['the worker did not leave when told to']), ...(story.wrong?.(at) ?? [])],
    }
  } finally {
    await at.leave()
  }
}

export const isGood = ({ lost, doubled, wrong }: Found) => lost === 0 && doubled === 0 && wrong.length === 0

/** One line for people, and one more for each thing that is wrong. */
export const lineOf = (name: string, found: Found): string => {
  const { queries, servers, seen, lost, doubled, rejects, rate, blows, remarks, wrong } = found
  const back = blows.map(({ lasted, untilFull, standstill }) => {
    const after = untilFull === null ? 'not full again before the end' : `full again after ${untilFull} s`
    return `${lasted} s (${standstill} s without a gain, ${after})`
  })
  const dead = rejects.map(({ id, kind, reason }) => `${id} ${kind}: ${reason}`)
  const counts = `${queries} queries, ${seen} gains, ${lost} lost, ${doubled} doubled, ${rejects.length} rejects, ${found.seconds} s`
  const deaths = found.seenByServers.reduce((sum, each) => sum + each.deaths, 0)
  return [
    `RESULT ${name} (${servers}): ${counts}; ${rate}/s before; faults: ${back.join('; ') || 'none'}; ${deaths} deaths`,
    ...[...remarks, ...dead, ...wrong.map((each) => `WRONG: ${each}`)],
  ].join('\n       ')
}
