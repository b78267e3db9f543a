/** How the queries of a run came out: what was chosen for each, what was said, and its grades. */
import { firstIsGold } from '../../method/recall.ts'
import type { Context, SelectorIdentity } from '../../schemas/context.ts'
import type { Identity } from '../../schemas/identity.ts'
import type { Metric } from '../../schemas/metric.ts'
import { contexts, metrics } from '../../topics/index.ts'
import type { World } from '../world.ts'
import { newest } from './newest.ts'

/** What runs are compared by; those of answers first. */
export const compared = ['strict_em', 'boundary_em', 'containment_em', 'f1', 'hit', 'has_answer'] as const
export type Compared = (typeof compared)[number]

export const titles: Readonly<Record<Compared, string>> = {
  ...{ strict_em: 'strict EM', boundary_em: 'boundary EM', containment_em: 'containment EM', f1: 'F1' },
  ...{ hit: 'hit@1', has_answer: 'has answer' },
}

export interface Chosen {
  readonly id: string
  /** Empty where the context is not kept any more. */
  readonly title: string
  readonly source: string
  readonly rank: number
}

export interface Outcome {
  readonly id: string
  readonly dataset: string
  readonly question: string
  /** Null: without a passage. */
  readonly chosen: Chosen | null
  /** Null: selected only, not answered. */
  readonly prediction: string | null
  /** 0 to 1; those that it has. */
  readonly grades: Readonly<Partial<Record<Compared, number>>>
}

export interface Who {
  readonly selectors: readonly SelectorIdentity[]
  /** Empty where nothing was answered. */
  readonly readers: readonly Identity[]
}

export interface Outcomes extends Who {
  readonly stream: string
  readonly run: string
  readonly queries: ReadonlyMap<string, Outcome>
}

/** Those that are there, of figures and flags. */
const gradesOf = (given: Readonly<Record<string, number | boolean | null>>) =>
  Object.fromEntries(Object.entries(given).flatMap(([name, grade]) => (grade === null ? [] : [[name, Number(grade)]])))

/** Was a passage to be chosen at all? Where nothing reaches the reader, nobody chose. */
const hitOf = (hit: boolean | null, chosen: unknown, abstained: boolean) => (chosen === null && !abstained ? null : hit)

const ofContext = ({ query, kept, scored, abstained }: Context): Outcome => {
  const chosen = kept[0] ?? null
  const own = chosen && scored.find(({ id }) => id === chosen.id)
  return {
    ...{ id: query.id, dataset: query.dataset, question: query.question, prediction: null },
    chosen: chosen && { id: chosen.id, title: chosen.title, source: chosen.source, rank: chosen.rank },
    grades: gradesOf({
      hit: hitOf(firstIsGold(scored, query.gold_passage_ids), chosen, abstained),
      has_answer: own?.has_answer ?? null,
    }),
  }
}

const ofMetric = (metric: Metric, selected: Outcome | undefined): Outcome => {
  const { query_id: id, dataset, question, prediction, strict_em, boundary_em, containment_em, f1 } = metric
  const { chosen_id, chosen_source: source, chosen_rank: rank, chosen_has_answer: has_answer } = metric
  const hit = hitOf(metric.hit, chosen_id, metric.abstained)
  const title = selected?.chosen?.id === chosen_id ? (selected.chosen?.title ?? '') : ''
  return {
    ...{ id, dataset, question, prediction },
    chosen: chosen_id === null ? null : { id: chosen_id, title, source: source ?? '', rank: rank ?? 0 },
    grades: gradesOf({ strict_em, boundary_em, containment_em, f1, hit, has_answer }),
  }
}

/** Different ones among many, in the order in which they came. */
const distinct = <T extends object>() => {
  const found = new Map<string, T>()
  return { add: (one: T) => void found.set(JSON.stringify(one), one), all: () => [...found.values()] }
}

/** By query id. A run that only selected has no predictions; contexts are kept for a month, metrics for ever. */
export const outcomesIn = async (world: World, of: { stream: string; run: string }): Promise<Outcomes> => {
  const queries = new Map<string, Outcome>()
  const [selectors, readers] = [distinct<SelectorIdentity>(), distinct<Identity>()]
  for await (const context of newest(world, of, contexts)) {
    queries.set(context.query.id, ofContext(context))
    selectors.add(context.selector)
  }
  for await (const metric of newest(world, of, metrics)) {
    queries.set(metric.query_id, ofMetric(metric, queries.get(metric.query_id)))
    selectors.add(metric.selector)
    readers.add(metric.reader)
  }
  return { stream: of.stream, run: of.run, queries, selectors: selectors.all(), readers: readers.all() }
}
