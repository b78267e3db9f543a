/** The labels of a run: what they say of themselves. */
import { measureOf } from '../../method/gain.ts'
import { labelFigures, type LabelFigures } from '../../method/quality.ts'
import { compareRuns } from '../../method/paired.ts'
import { meanInterval } from '../../method/statistics.ts'
import type { Identity } from '../../schemas/identity.ts'
import { gains, samples } from '../../topics/index.ts'
import { scaled } from '../report.ts'
import type { World } from '../world.ts'
import { qualityAlarms } from './alarms.ts'
import { newest } from './newest.ts'
import type { Place } from './sides.ts'

interface Read {
  readonly figures: ReadonlyMap<string, LabelFigures>
  readonly tooFew: number
  readonly approximate: number
  readonly scorers: readonly Identity[]
  readonly measures: readonly string[]
  readonly alphas: readonly number[]
}

const read = async (world: World, place: Place): Promise<Read> => {
  const figures = new Map<string, LabelFigures>()
  const scorers = new Map<string, Identity>()
  const [measures, alphas] = [new Set<string>(), new Set<number>()]
  let [tooFew, approximate] = [0, 0]
  for await (const record of newest(world, place, gains)) {
    const found = labelFigures(record)
    if (found) figures.set(record.query.id, found)
    else tooFew++
    if (!record.exact) approximate++
    scorers.set(JSON.stringify(record.scorer), record.scorer)
    measures.add(measureOf(record))
    alphas.add(record.alpha)
  }
  return { figures, tooFew, approximate, scorers: [...scorers.values()], measures: [...measures], alphas: [...alphas] }
}

/** How the filter decided, by reason. */
const filterOf = async (world: World, place: Place) => {
  const reasons = new Map<string, number>()
  let [kept, filtered] = [0, 0]
  for await (const { outcome, reason } of newest(world, place, samples)) {
    if (outcome === 'kept') kept++
    else filtered++
    if (outcome !== 'kept') reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  return { kept, filtered, reasons: Object.fromEntries([...reasons].sort((a, b) => b[1] - a[1])) }
}

/** Nearest rank below; of at least one value, ascending. */
const quantiles = (nlls: Float64Array) =>
  Object.fromEntries(
    [0.05, 0.25, 0.5, 0.75, 0.95].map((share) => [
      `${100 * share}%`,
      Math.exp(Math.min(nlls[Math.floor(share * (nlls.length - 1))]!, 700)),
    ]),
  )

type Flag = (one: LabelFigures) => boolean | number | undefined

/** A mean over the queries that have the figure, ×100 with its interval; null where none has. */
const share = (all: readonly LabelFigures[], of: Flag) => {
  const found = meanInterval(all.flatMap((one) => of(one) ?? []).map(Number))
  return found ? scaled(found) : null
}

/** Does the teacher find more golds than the retriever's order? Its own hit@1 bounds what a selector can learn. */
const teacherOf = (figures: Read['figures']) => {
  const of = (flag: (one: LabelFigures) => boolean | undefined) =>
    new Map([...figures].flatMap(([id, one]) => (flag(one) === undefined ? [] : [[id, Number(flag(one))]])))
  const found = compareRuns(of((one) => one.hit), of((one) => one.firstHit)) // prettier-ignore
  if (!found) return null
  const { n, won, lost, tied, difference, detectable } = found
  const all = [...figures.values()]
  return {
    ...{ hit: share(all, (one) => one.hit), first_retrieved: share(all, (one) => one.firstHit) },
    against_first: { n, won, lost, tied, difference: scaled(difference), detectable: detectable === undefined ? null : 100 * detectable }, // prettier-ignore
  }
}

const measured = async (world: World, place: Place) => {
  const { figures, tooFew, approximate, ...about } = await read(world, place)
  const filter = await filterOf(world, place)
  const all = [...figures.values()]
  const nlls = Float64Array.from(all.flatMap((one) => [...one.nlls])).sort()
  const [scored, unscored] = [nlls.length, all.reduce((sum, one) => sum + one.unscored, 0)]
  return {
    ...{ stream: place.stream, run: place.run, queries: all.length + tooFew, labelled: all.length, ...about },
    ...{ passages: { scored, unscored }, approximate },
    perplexity: nlls.length > 0 ? quantiles(nlls) : null,
    generated_wins: share(all, (one) => one.generatedWins),
    flat: share(all, (one) => one.flat),
    entropy: share(all, (one) => one.entropy),
    contrast: { same_first: share(all, (one) => one.sameFirst), kendall: share(all, (one) => one.kendall) },
    nothing_gains: share(all, (one) => one.nothingGains),
    teacher: teacherOf(figures),
    filter,
  }
}
export type Quality = Awaited<ReturnType<typeof measured>>

/** Everything that is known of the labels of a run, ×100 where it is a share, and what should make somebody look. */
export const labelQuality = async (world: World, place: Place) => {
  const quality = await measured(world, place)
  return { ...quality, alarms: qualityAlarms(quality) }
}
