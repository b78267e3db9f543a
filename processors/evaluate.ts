import { grade } from '../method/grade.ts'
import { firstIsGold, someHasAnswer } from '../method/recall.ts'
import { bulk } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import type { Context } from '../schemas/context.ts'
import type { Metric } from '../schemas/metric.ts'
import { answers, metrics } from '../topics/index.ts'
import { only } from './usage.ts'

/** Grades that are averaged, as they are named in the record. */
const graded = ['strict_em', 'boundary_em', 'containment_em', 'f1'] as const

/** How a selector that was only watched would have done, by the same measures: ties keep retrieval order. */
const shadowFigures = ({ shadow, scored, kept, query }: Context) => {
  if (!shadow) return { shadow_selector: null, shadow_agrees: null, shadow_hit: null, shadow_has_answer: null }
  const { selector, chosen, scores } = shadow
  const order = scored
    .map((each, i) => ({ ...each, theirs: scores[i]! }))
    .sort((a, b) => b.theirs - a.theirs || a.rank - b.rank)
  return {
    shadow_selector: selector,
    shadow_agrees: chosen === (kept[0]?.id ?? null),
    shadow_hit: firstIsGold(order, query.gold_passage_ids),
    shadow_has_answer: scored.find(({ id }) => id === chosen)?.has_answer ?? null,
  }
}

/** Grades an answer; a live query, which has no golds, leaves an ungraded metric that counts for completion. */
export const evaluate = processor({
  name: 'evaluate',
  from: answers,
  to: [metrics],
  policy: bulk({ inFlight: 64 }), // nobody waits for it, and its totals are large

  async step({ context, prediction, passages, reader, usage, answered_at }) {
    const { run, asked_at, query, scored, selector, abstained } = context
    const grades = grade(prediction, query.answers, query.lang)
    const [first, second] = scored
    const chosen = passages === 0 ? undefined : first
    const isJudged = passages > 0 || abstained || scored.length === 0 // where nothing was found it is a miss
    return [
      metrics.message({
        ...{
          run,
          query_id: query.id,
          dataset: query.dataset,
          graded: grades !== null,
          question: query.question,
          prediction,
        },
        ...(grades ?? { strict_em: null, boundary_em: null, containment_em: null, f1: null }),
        chosen_id: chosen?.id ?? null,
        chosen_source: chosen?.source ?? null,
        chosen_rank: chosen?.rank ?? null,
        chosen_score: chosen?.score ?? null,
        margin: chosen && second ? chosen.score - second.score : null,
        chosen_has_answer: chosen?.has_answer ?? null,
        oracle_has_answer: someHasAnswer(scored, query.answers),
        hit: isJudged ? firstIsGold(scored, query.gold_passage_ids) : null,
        ...{ latency_ms: answered_at - asked_at, selector, reader, usage, abstained },
        ...shadowFigures(context),
      }),
    ]
  },

  tally(_answer, outputs) {
    const metric = only<Metric>(outputs)
    const group = metric.dataset === '' ? 'all' : metric.dataset
    const { chosen_has_answer, oracle_has_answer, hit, latency_ms, chosen_source } = metric
    const { shadow_agrees, shadow_hit } = metric
    const values = {
      ...(metric.graded && Object.fromEntries(graded.map((name) => [name, metric[name] ?? 0]))),
      ...(chosen_has_answer !== null && { has_answer: Number(chosen_has_answer) }),
      ...(oracle_has_answer !== null && { oracle: Number(oracle_has_answer) }),
      ...(hit !== null && { hit: Number(hit) }),
      ...(shadow_hit !== null && { shadow_hit: Number(shadow_hit) }),
    }
    const sums = {
      ...{ latency_ms, generated_chosen: Number(chosen_source === 'generated'), abstained: Number(metric.abstained) },
      ...(shadow_agrees !== null && { shadowed: 1, shadow_agreed: Number(shadow_agrees) }),
    }
    const figures = metric.graded ? { group, values } : undefined
    return { outcome: metric.graded ? 'graded' : 'ungraded', sums, figures }
  },
})
