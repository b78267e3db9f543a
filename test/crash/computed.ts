/** What the scorer computed, counted from the debug logs of all attempts: how much of it was done twice? */
import { logged, type Ended } from './tool.ts'

/** One query's scores as one attempt computed them: one per gold for every passage and for none. */
export interface Computed {
  readonly question: string
  readonly scores: number
  /** Scores that make up the query's gains, computed or from the cache. */
  readonly of: number
  readonly promptTokens: number
}

const fieldsOf = (entry: Record<string, unknown>) => ({
  question: String(entry['question']),
  of: (Number(entry['passages']) + 1) * Number(entry['golds']),
  hits: Number(entry['cache_hits'] ?? 0),
  promptTokens: Number(entry['prompt_tokens'] ?? 0),
})

/** Computations that came to their end. */
export const settledOf = (attempts: readonly Pick<Ended, 'err'>[]): Computed[] =>
  attempts
    .flatMap(({ err }) => logged(err, 'gains computed').map(fieldsOf))
    .map(({ question, of, hits, promptTokens }) => ({ question, of, scores: of - hits, promptTokens }))

/** Questions that were begun. */
export const begunIn = (err: string): string[] =>
  logged(err, 'computing gains').map((entry) => fieldsOf(entry).question)
export const computedIn = (err: string): string[] => settledOf([{ err }]).map(({ question }) => question)

export interface Rework {
  /** Scores computed, by computations that ended. */
  readonly scores: number
  /** Of these, beyond one for each passage (or none) and gold. */
  readonly scores_twice: number
  /** Queries whose gains were computed whole more than once. */
  readonly gains_twice: number
  /** Queries that were under way when the process died and had to be begun again. */
  readonly begun_again: number
  readonly prompt_tokens: number
}

export const reworkOf = (attempts: readonly Pick<Ended, 'err'>[]): Rework => {
  const byQuestion = [...Map.groupBy(settledOf(attempts), ({ question }) => question).values()]
  const sum = (all: readonly Computed[], of: (each: Computed) => number) => all.reduce((n, each) => n + of(each), 0)
  const begun = attempts.flatMap(({ err }) => begunIn(err))
  const excess = (own: readonly Computed[]) => Math.max(0, sum(own, ({ scores }) => scores) - (own[0]?.of ?? 0))
  const whole = (own: readonly Computed[]) => own.filter(({ scores, of }) => scores === of).length
  return {
    scores: sum(byQuestion.flat(), ({ scores }) => scores),
    scores_twice: byQuestion.reduce((n, own) => n + excess(own), 0),
    gains_twice: byQuestion.reduce((n, own) => n + Math.max(0, whole(own) - 1), 0),
    begun_again: begun.length - new Set(begun).size,
    prompt_tokens: sum(byQuestion.flat(), ({ promptTokens }) => promptTokens),
  }
}
