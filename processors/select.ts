import { answerMatcher } from '../method/answer.ts'
import type { Choice, Selector } from '../method/ports.ts'
import { goldMatcher } from '../method/recall.ts'
import { interactive } from '../runtime/policy.ts'
import { processor } from '../runtime/processor.ts'
import type { Candidate } from '../schemas/passage.ts'
import type { Query } from '../schemas/query.ts'
import { candidates, contexts } from '../topics/index.ts'

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

/** The selector scores every candidate; the best ones leave. Ties keep retrieval order. */
export const select = processor({
  name: 'select',
  from: candidates,
  to: [contexts],
  policy: interactive({ inFlight: 16 }),

  async step({ run, asked_at, query, passages }, { selector, keep }: { selector: Selector; keep: number }, signal) {
    const scores = await selector.score(query.question, passages.map(choice), signal)
    const order = passages
      .map((candidate, i) => ({ candidate, score: scores[i]! }))
      .sort((a, b) => b.score - a.score || a.candidate.rank - b.candidate.rank)
    const judge = judged(query, passages)
    const kept = order.slice(0, keep).map(({ candidate }) => candidate)
    const scored = order.map(({ candidate, score }) => judge(candidate, score))
    return [contexts.message({ run, asked_at, query, kept, scored, selector: selector.identity })]
  },

  tally: () => ({ outcome: 'selected' }),
})
