/** A fault: what is broken, and what is found afterwards. */
import { counted, type Counted } from './audit.ts'
import { ground, type Ground, type GroundOptions, type Measure } from './ground.ts'
import type { Servers } from './servers.ts'

export interface Found extends Counted {
  readonly records: number
  /** Steps that were begun again. */
  readonly again: number
  readonly seconds: number
  /** Figures and sentences that belong to this fault. */
  readonly remarks: readonly string[]
}

export interface Fault {
  readonly name: string
  /** How many brokers it needs. */
  readonly brokers: 1 | 3
  run(this: void, servers: Servers, measure: Measure): Promise<Found>
}

/** Prefixes are names of topics, too: short, and their own for each trial. */
export const prefixOf = (name: string) => `${name}-${Date.now().toString(36)}`

/** Steps begun beyond one for each record and stage. */
export const again = (steps: ReturnType<Ground['workers']['steps']>): number =>
  steps.length - new Set(steps.map(({ stage, id }) => `${stage}/${id}`)).size

interface Story extends Omit<GroundOptions, 'prefix'> {
  /** Records that must end as dead letters. */
  readonly rejected?: readonly string[]
  /** Enters what is to be copied (default: every record). */
  fill?(at: Ground): Promise<void>
  /** Starts workers (default: one) before anything strikes. */
  begin?(at: Ground): Promise<void> | void
  strike(at: Ground): Promise<void>
  /** What is to be said beside the counts, looked at before the workers leave. */
  remarks?(at: Ground): string[]
}

/** The usual story: records are in, workers work, the fault strikes, everything is settled, everything is counted. */
export const copying = async (name: string, servers: Servers, measure: Measure, story: Story): Promise<Found> => {
  const at = await ground(servers, measure, { ...story, prefix: prefixOf(name) })
  const { workers, wanted, places } = at
  try {
    await (story.fill?.(at) ?? at.fill())
    measure.say(`${wanted.length} records are in`)
    const began = Date.now()
    if (story.begin) await story.begin(at)
    else workers.start()
    await story.strike(at)
    await at.settled()
    const seconds = (Date.now() - began) / 1000
    const remarks = [...common(at), ...(story.remarks?.(at) ?? [])]
    const left = await workers.dismiss()
    const all = [...wanted, ...(story.rejected ?? [])]
    const found = await counted(places, all, story.rejected)
    return {
      ...found,
      ...{ records: all.length, again: again(workers.steps()), seconds, remarks },
      wrong: [...found.wrong, ...leaving(left, workers.deserters)],
    }
  } finally {
    await at.leave()
  }
}

const leaving = (left: boolean, deserters: Ground['workers']['deserters']) => [
  ...(left ? [] : ['a worker did not leave when it was told to']),
  ...deserters.map(({ sentence }) => `a worker ended by itself: ${sentence ?? 'without a sentence'}`),
]

/** How hard it struck. */
const common = (at: Ground): string[] => {
  const still = at.standstills()
  const unknown = at.workers.commits('unknown')
  const fenced = at.workers.commits('fenced')
  return [
    ...(still.length > 0 ? [`slowest partition went on after ${still.map((s) => s.toFixed(1)).join(', ')} s`] : []),
    ...(unknown > 0 ? [`${unknown} commits with unknown outcome`] : []),
    ...(fenced > 0 ? [`${fenced} lanes fenced`] : []),
  ]
}

export const isGood = ({ lost, doubled, wrong }: Found) => lost === 0 && doubled === 0 && wrong.length === 0
