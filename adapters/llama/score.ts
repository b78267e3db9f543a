/**
 * The scorer: what the reader thinks of every gold's tokens, with and without each passage.
 *
 * The prompt without a passage is evaluated first, and its rows are kept while the query is worked on. Then the
 * passages spread over the sequences; each evaluates its prompt once, and every further gold goes back to its end.
 */
import type { AnswerScore, PassageScore, Scorer, Scores } from '../../method/ports.ts'
import type { Identity } from '../../schemas/identity.ts'
import { allOrFirstFailure, promptly } from '../reader/admission.ts'
import type { ScoreCache } from '../reader/cache.ts'
import { along, subtree, treeOf, type Node, type Tree } from '../reader/golds.ts'
import { planOf, type Plan, type PlannedPassage } from '../reader/plan.ts'
import type { Prompts } from '../reader/prompts.ts'
import type { BaseRow, Contrasted, Rows } from './rows.ts'
import type { Slots } from './slots.ts'
import { walk } from './walk.ts'
import type { Seconds, Timed } from '../reader/time.ts'

export interface ScorerParts {
  readonly identity: Identity
  readonly prompts: Prompts
  readonly slots: Slots
  readonly rows: Rows
  readonly cache: ScoreCache
  readonly timed: Timed
  /** Runs a query when there is room for its rows. */
  admit<T>(this: void, work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** A score per gold; undefined where it is still to be measured. */
type Known = readonly (AnswerScore | undefined)[]

/** What a query has cost so far. */
interface Tally {
  evaluated: number
  scored: number
  hits: number
}

const logprob = ({ logits, normaliser }: BaseRow, token: number) => Math.min(0, logits[token]! - normaliser)

const answerScore = (
  tree: Tree,
  gold: readonly number[],
  rows: Map<Node, Contrasted>,
  alphas: number,
): AnswerScore => ({
  plain: along(tree, gold, (node, token) => rows.get(node)!.plain.get(token)!),
  contrast: Array.from({ length: alphas }, (_, i) =>
    along(tree, gold, (node, token) => rows.get(node)!.contrast[i]!.get(token)!),
  ),
})

export const openScorer = ({ identity, prompts, slots, rows, cache, timed, admit }: ScorerParts): Scorer => {
  /** Evaluates a prompt with the golds of a tree and keeps what each row says. */
  const rowsOf = async <T>(
    prompt: readonly number[],
    tree: Tree,
    read: (node: Node, row: number) => Promise<T>,
    tally: Tally,
    signal: AbortSignal,
  ): Promise<Map<Node, T>> => {
    const found = new Map<Node, T>()
    if (tree.paths.length === 0) return found
    const keep = async (node: Node, row: number) => void found.set(node, await read(node, row))
    const evaluated = await slots.holding(prompt, signal, (slot) => walk(slot, prompt, tree, keep, signal))
    tally.evaluated += evaluated
    return found
  }

  const known = ({ golds, base }: Plan, prompt: readonly number[], alphas: readonly number[]): Known =>
    golds.map((answer) => cache.get({ prompt, base, answer, alphas }))

  /** Puts measured scores beside the known ones and remembers them. */
  const complete = (
    plan: Plan,
    prompt: readonly number[],
    alphas: readonly number[],
    have: Known,
    measure: (gold: readonly number[]) => AnswerScore,
    tally: Tally,
  ): AnswerScore[] => {
    const scores = plan.golds.map((gold, i) => have[i] ?? measure(gold))
    const fresh = plan.golds.flatMap((answer, i) => (have[i] ? [] : [{ answer, score: scores[i]! }]))
    cache.put(fresh.map(({ answer, score }) => [{ prompt, base: plan.base, answer, alphas }, score]))
    tally.hits += scores.length - fresh.length
    tally.scored += fresh.reduce((sum, { answer }) => sum + answer.length, 0)
    return scores
  }

  const measure = async (plan: Plan, signal: AbortSignal, seconds: Seconds): Promise<Scores> => {
    const { golds, base, alphas } = plan
    const tally: Tally = { evaluated: 0, scored: 0, hits: 0 }
    const missing = (have: Known) => golds.filter((_, i) => !have[i])
    const baseKnown = known(plan, base, [])
    const passages = plan.passages.map((passage) =>
      'unscored' in passage ? passage : { ...passage, have: known(plan, passage.prompt, alphas) },
    )
    const gaps = passages.flatMap((passage) => ('have' in passage ? missing(passage.have) : []))
    const tree = treeOf(golds.filter((gold, i) => !baseKnown[i] || gaps.includes(gold)))
    const baseRows = await rowsOf(base, tree, (_, row) => rows.base(row), tally, signal)

    const scorePassage = async (passage: PlannedPassage & { have: Known }): Promise<PassageScore> => {
      const { prompt, have, cut } = passage
      const own = subtree(tree, missing(have))
      const read = (node: Node, row: number) => rows.contrasted(row, node.next, baseRows.get(node)!, alphas)
      const found = await rowsOf(prompt, own, read, tally, signal)
      const score = (gold: readonly number[]) => answerScore(own, gold, found, alphas.length)
      return { cut, answers: complete(plan, prompt, alphas, have, score, tally) }
    }
    const work = passages.map(async (passage) => ('unscored' in passage ? passage : scorePassage(passage)))
    const scored = await allOrFirstFailure(work)

    const plain = (gold: readonly number[]) => along(tree, gold, (node, token) => logprob(baseRows.get(node)!, token))
    const baseScores = complete(plan, base, [], baseKnown, (gold) => ({ plain: plain(gold), contrast: [] }), tally)
    const usage = {
      calls: tally.evaluated > 0 ? 1 : 0,
      prompt_tokens: tally.evaluated,
      output_tokens: tally.scored,
      cache_hits: tally.hits,
      seconds: seconds(),
    }
    return { base: baseScores.map((score) => score.plain), passages: scored, usage }
  }

  return {
    identity,
    exact: true,
    score: async (request, signal) => {
      signal.throwIfAborted()
      const plan = await planOf(prompts, request, signal)
      signal.throwIfAborted()
      return promptly(
        admit(() => timed((seconds) => measure(plan, signal, seconds)), signal),
        signal,
      )
    },
  }
}
