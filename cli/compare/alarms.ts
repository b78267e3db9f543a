/** What should make somebody look at labels before a selector learns from them. */
import type { Quality } from './quality.ts'

/** Shares between 0 and 1. They are no laws: past one of them it is worth knowing why. */
export const limits = {
  generated_wins: 0.5,
  flat: 0.25,
  nothing_gains: 0.5,
  same_first: [0.3, 0.995],
  unscored: 0.05,
  filtered: 0.8,
} as const

const percent = (value: number) => `${value.toFixed(1)} %`

/** Sentences for whoever would train on these labels; none: nothing stands out. */
export const qualityAlarms = (found: Quality): string[] => {
  const { passages, approximate, scorers, measures, alphas, filter, teacher, contrast } = found
  const alarms: string[] = []
  const over = (mean: number | undefined, limit: number, say: (share: string) => string) => {
    if (mean !== undefined && mean > 100 * limit) alarms.push(say(percent(mean)))
  }
  const all = passages.scored + passages.unscored
  if (found.labelled === 0) alarms.push('no query has two scored passages: there is nothing to learn from')
  if (scorers.length > 1)
    alarms.push(`${scorers.length} scorers or prompts measured these gains: their figures cannot be compared`)
  if (measures.length > 1 || alphas.length > 1)
    alarms.push('gains were measured by several measures or α: replay them as one')
  if (approximate > 0) alarms.push(`${approximate} queries were measured from the likeliest tokens only, not exactly`)
  over(
    (100 * passages.unscored) / Math.max(all, 1),
    limits.unscored,
    (share) => `${share} of the passages could not be scored`,
  )
  over(
    found.generated_wins?.mean,
    limits.generated_wins,
    (share) =>
      `a passage that the reader wrote itself wins in ${share} of the queries: a selector would learn to prefer them`,
  )
  over(
    found.flat?.mean,
    limits.flat,
    (share) => `${share} of the groups are flat: their passages help alike, and teach nothing`,
  )
  over(
    found.nothing_gains?.mean,
    limits.nothing_gains,
    (share) => `in ${share} of the queries no passage helps more than none`,
  )
  const { same_first: same } = contrast
  const [least, most] = limits.same_first
  if (same && same.mean < 100 * least)
    alarms.push(
      `contrastive and plain figures choose the same passage in ${percent(same.mean)} of the queries only: look at α`,
    )
  if (same && same.mean > 100 * most && alphas.some((alpha) => alpha > 0))
    alarms.push(
      `the contrast changes the choice in ${percent(100 - same.mean)} of the queries only: it costs and does nothing`,
    )
  const teaching = teacher?.against_first
  if (teacher && teaching && teaching.difference.interval[0]! <= 0)
    alarms.push(
      `the passage with the most gain is a gold one in ${percent(teacher.hit!.mean)}, and the first retrieved one in ${percent(teacher.first_retrieved!.mean)}: that labels choose better than the order of retrieval is not shown`,
    )
  const decided = filter.kept + filter.filtered
  over(
    (100 * filter.filtered) / Math.max(decided, 1),
    limits.filtered,
    (share) => `${share} of the queries were filtered: ${Object.keys(filter.reasons)[0] ?? 'no reason'}`,
  )
  return alarms
}
