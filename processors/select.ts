import { answerMatcher } from '../method/answer.ts'
import type { Choice, Selector } from '../method/ports.ts'
import { hash } from '../method/random.ts'
import { goldMatcher } from '../method/recall.ts'
import type { InForce, Shadow } from '../method/selector.ts'
import { interactive } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import type { Candidates } from '../schemas/candidates.ts'
import type { Context, Shadowed } from '../schemas/context.ts'
import type { Candidate } from '../schemas/passage.ts'
import type { Query } from '../schemas/query.ts'
import { candidates, contexts, queryKey } from '../topics/index.ts'
import { only } from './usage.ts'

/** A selector never sees golds, nor whether a passage has the answer: they are not among what is passed on. */
const choice = (candidate: Candidate): Choice => {
  const { id, title, text, source, rank, score, dense_rank, dense_score, sparse_rank, sparse_score, given_score } =
    candidate
  return { id, title, text, source, rank, score, dense_rank, dense_score, sparse_rank, sparse_score, given_score }
}

/** What grading will want to know of the candidates once their texts are gone. */
const judged = ({ answers, lang, gold_passage_ids }: Query, passages: readonly Candidate[]) => {
  const matches = answerMatcher(answers, lang)
  const isGold = goldMatcher(passages, gold_passage_ids)
  return (candidate: Candidate, score: number) => ({
    id: candidate.id,
    rank: candidate.rank,
    score,
    source: candidate.source,
    has_answer: answers.length === 0 ? null : matches(candidate.text),
    gold: gold_passage_ids.length === 0 ? null : isGold(candidate),
  })
}

export interface Selecting {
  /** What is in force now; asked once for each record, so that a swap falls between two of them. */
  readonly inForce: (signal: AbortSignal) => InForce | Promise<InForce>
  readonly keep: number
  /** Keeps nothing where the best score is below what the selector was fitted with. */
  readonly abstain: boolean
}

interface Placed {
  readonly candidate: Candidate
  readonly score: number
}

const best = ({ minScore }: Selector, [first]: readonly Placed[], abstain: boolean): Candidate | null =>
  !first || (abstain && minScore !== undefined && first.score < minScore) ? null : first.candidate

/** Best first. Ties keep retrieval order. */
const ordered = (passages: readonly Candidate[], scores: readonly number[]): Placed[] =>
  passages
    .map((candidate, i) => ({ candidate, score: scores[i]! }))
    .sort((a, b) => b.score - a.score || a.candidate.rank - b.candidate.rank)

const isShadowed = ({ run, query }: Candidates, { share }: Shadow): boolean =>
  hash(queryKey(run, query.id), shadowSalt) < share * 2 ** 32
const shadowSalt = 0x5ad0

/** What the watched selector makes of it; null where it fails, which is seen in the totals and must not cost the answer. */
const watched = async (
  asked: Candidates,
  order: readonly Placed[],
  { selector }: Shadow,
  abstain: boolean,
  signal: AbortSignal,
): Promise<Shadowed | null> => {
  const passages = order.map(({ candidate }) => candidate)
  const scores = await selector.score(asked.query.question, passages.map(choice), signal).catch(() => null)
  signal.throwIfAborted()
  if (scores === null) return null
  const chosen = best(selector, ordered(passages, scores), abstain)
  return { selector: selector.identity, chosen: chosen?.id ?? null, scores }
}

const chosen = async (
  asked: Candidates,
  { keep, abstain }: Selecting,
  { selector, shadow }: InForce,
  signal: AbortSignal,
): Promise<Context> => {
  const { run, asked_at, query, passages } = asked
  const order = ordered(passages, await selector.score(query.question, passages.map(choice), signal))
  const isWatched = shadow !== undefined && passages.length > 0 && isShadowed(asked, shadow)
  const judge = judged(query, passages)
  const abstained = passages.length > 0 && best(selector, order, abstain) === null
  return {
    ...{ run, asked_at, query, abstained, selector: selector.identity },
    kept: abstained ? [] : order.slice(0, keep).map(({ candidate }) => candidate),
    scored: order.map(({ candidate, score }) => judge(candidate, score)),
    shadow: isWatched ? await watched(asked, order, shadow, abstain, signal) : null,
  }
}

/** The selector in force scores every candidate; the best ones leave, and the record names who chose them. */
export const select = processor({
  name: 'select',
  from: candidates,
  to: [contexts],
  policy: interactive({ inFlight: 16 }),

  async step(asked, selecting: Selecting, signal) {
    const inForce = await selecting.inForce(signal)
    try {
      return [contexts.message(await chosen(asked, selecting, inForce, signal))]
    } finally {
      inForce.release?.()
    }
  },

  tally(_asked, outputs) {
    const { abstained, shadow } = only<Context>(outputs)
    return { outcome: 'selected', sums: { abstained: Number(abstained), shadowed: Number(shadow !== null) } }
  },
})
