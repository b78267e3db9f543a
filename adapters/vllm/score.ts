/**
 * The scorer: what a reader LLM behind vLLM thinks of every gold's tokens, with and without each passage.
 *
 * A query is worked on by one server from its first call to its last, because that server keeps the rows of the prompt
 * without a passage and, in its prefix cache, the prompts.
 */
import type { AnswerScore, PassageScore, Scorer, Scores } from '../../method/ports.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Identity, Usage } from '../../schemas/identity.ts'
import { noCache, type ScoreCache, type ScoreKey } from '../reader/cache.ts'
import { planOf, type Plan } from '../reader/plan.ts'
import type { Prompts } from '../reader/prompts.ts'
import type { Seconds, Timed } from '../reader/time.ts'
import type { Fleet } from './members.ts'
import { nameOf, type Measure, type Measured, type Work } from './measuring.ts'
import type { Server } from './server.ts'

/** A server with what is known of it. */
export interface Known {
  readonly server: Server
  readonly identity: Identity
  readonly timed: Timed
}

export interface ScorerParts {
  readonly identity: Identity
  readonly exact: boolean
  readonly prompts: Prompts
  readonly fleet: Pick<Fleet<Known>, 'call'>
  readonly measure: Measure
  /** Tokens that the model's rows have. */
  readonly vocabulary: number
  readonly cache?: ScoreCache
}

/** Which server a query prefers: queries with the same prompt go to the same one. */
export const preference = (base: readonly number[]): string => nameOf(base).slice(0, 16)

interface Gaps {
  /** Indexes of golds that some prompt misses. */
  readonly golds: readonly number[]
  /** Indexes of prompts that miss some gold. */
  readonly prompts: readonly number[]
}

type Have = readonly (AnswerScore | undefined)[]

const gapsOf = (have: readonly Have[], base: Have, golds: number): Gaps => {
  const missing = Array.from({ length: golds }, (_, g) => g)
  return {
    golds: missing.filter((g) => !base[g] || have.some((some) => !some[g])),
    prompts: have.flatMap((some, p) => (some.every((score) => score) ? [] : [p])),
  }
}

/** Fills what was measured in between what was known. */
const filled = (have: Have, gaps: Gaps, measured: readonly AnswerScore[] | undefined): AnswerScore[] =>
  have.map((score, g) => score ?? measured![gaps.golds.indexOf(g)]!)

/** What a query is made of, what the cache holds of it, and what is left to measure. */
const looked = (plan: Plan, cache: ScoreCache, by: string) => {
  const { golds, base, alphas } = plan
  const keyed = (prompt: readonly number[], answer: readonly number[], some: readonly number[]): ScoreKey => ({
    ...{ prompt, base, answer, alphas: some, by },
  })
  const planned = plan.passages.flatMap((passage) => ('unscored' in passage ? [] : [passage.prompt]))
  const have = planned.map((prompt) => golds.map((gold) => cache.get(keyed(prompt, gold, alphas))))
  const baseHave = golds.map((gold) => cache.get(keyed(base, gold, [])))
  const gaps = gapsOf(have, baseHave, golds.length)
  const work: Work = {
    ...{ base, alphas },
    golds: gaps.golds.map((g) => golds[g]!),
    prompts: gaps.prompts.map((p) => planned[p]!),
  }
  /** Measured scores beside the known ones; the cache gets those that it did not have. */
  const completed = ({ base: plain, scores }: Measured) => {
    const all = have.map((some, p) => filled(some, gaps, scores[gaps.prompts.indexOf(p)]))
    const without = filled(
      baseHave,
      gaps,
      plain.map((values) => ({ plain: values, contrast: [] })),
    )
    const fresh = (some: Have, of: readonly AnswerScore[], prompt: readonly number[], alphas: readonly number[]) =>
      of.flatMap((score, g) => (some[g] ? [] : [[keyed(prompt, golds[g]!, alphas), score] as const]))
    cache.put([
      ...have.flatMap((some, p) => fresh(some, all[p]!, planned[p]!, alphas)),
      ...fresh(baseHave, without, base, []),
    ])
    return { all, without }
  }
  const hits = [...have, baseHave].flat().filter((score) => score !== undefined).length
  return { work, completed, hits }
}

const tokensIn = (lists: readonly (readonly number[])[]) => lists.reduce((sum, list) => sum + list.length, 0)

/** Each prompt counts once: that it is sent for each gold is the server's prefix cache's to answer. */
const costOf = ({ golds, prompts, base }: Work, cache_hits: number, seconds: number): Usage => {
  const any = golds.length > 0
  return {
    calls: any ? 1 : 0,
    prompt_tokens: any ? base.length + tokensIn(prompts) : 0,
    output_tokens: tokensIn(golds) * (1 + prompts.length),
    cache_hits,
    seconds,
  }
}

/** A tokenizer may know more tokens than the model has rows for. @throws Rejected */
const checkGolds = ({ golds }: Plan, vocabulary: number): void => {
  const beyond = golds.flat().find((token) => token >= vocabulary)
  if (beyond !== undefined)
    throw new Rejected(`an answer has the token ${beyond}, and the model knows ${vocabulary} tokens`)
}

export const openScorer = ({
  identity,
  exact,
  prompts,
  fleet,
  measure,
  vocabulary,
  cache = noCache,
}: ScorerParts): Scorer => {
  const onServer = async (plan: Plan, known: Known, signal: AbortSignal, seconds: Seconds): Promise<Scores> => {
    // Nobody knows whose figures they are where the server does not say which weights it has.
    const own = known.identity.revision === '' ? noCache : cache
    const { work, completed, hits } = looked(plan, own, JSON.stringify(known.identity))
    const nothing: Measured = { base: [], scores: [] }
    const found = work.golds.length > 0 ? await measure(known.server, work, signal) : nothing
    const { all, without } = completed(found)
    const rest = all.values()
    const passages = plan.passages.map((passage): PassageScore =>
      'unscored' in passage ? passage : { cut: passage.cut, answers: rest.next().value! },
    )
    const base = without.map(({ plain }) => plain)
    return { base, passages, identity: known.identity, usage: costOf(work, hits, seconds()) }
  }

  return {
    identity,
    exact,
    async score(request, signal, hint) {
      signal.throwIfAborted()
      const plan = await planOf(prompts, request, signal)
      checkGolds(plan, vocabulary)
      const work = (known: Known, s: AbortSignal) => known.timed((seconds) => onServer(plan, known, s, seconds))
      return fleet.call(preference(plan.base), work, signal, hint)
    },
  }
}
