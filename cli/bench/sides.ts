/** The two sides of the benchmark: the scorer, and the same prompts sent straight to the server. */
import type { Scorer, Scores } from '../../method/ports.ts'
import type { PromptTemplate } from '../../method/prompt.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { LabelQuery } from './material.ts'
import type { Raw, TokenQuery } from './raw.ts'
import type { Task } from './window.ts'

/** Makes tasks of queries: what is prepared beforehand is not measured. */
export type Side = (queries: readonly LabelQuery[], signal: AbortSignal) => Promise<Task[]>

/** Prompts tokenised at once: enough for a server that answers within milliseconds. */
const tokenising = 8

export const tokensOf = async (
  raw: Raw,
  queries: readonly LabelQuery[],
  template: PromptTemplate,
  signal: AbortSignal,
): Promise<TokenQuery[]> => {
  const found: TokenQuery[] = []
  for (let i = 0; i < queries.length; i += tokenising)
    found.push(...(await Promise.all(queries.slice(i, i + tokenising).map((q) => raw.tokens(q, template, signal)))))
  return found
}

/** The raw ceiling: every prompt with a passage is prefilled once, and nothing is read of it. */
export const ceiling =
  (raw: Raw, template: PromptTemplate): Side =>
  async (queries, signal) => {
    const tokens = await tokensOf(raw, queries, template, signal)
    return tokens.map(({ passages }) => ({
      passages: passages.length,
      run: () => raw.prefill(passages, signal),
    }))
  }

/** What the scorer said of a query; @throws Fatal when a passage was left out: the figure would count it as done. */
const checked = (scores: Scores): Scores => {
  for (const passage of scores.passages)
    if ('unscored' in passage) throw new Fatal(`a passage of the benchmark was not scored: ${passage.unscored}`)
  return scores
}

export const scoring =
  (scorer: Scorer, template: PromptTemplate, heard: (query: LabelQuery, scores: Scores) => void = () => {}): Side =>
  async (queries, signal) =>
    queries.map((query) => ({
      passages: query.passages.length,
      run: async () => {
        const { question, answers, passages } = query
        const request = { question, answers, passages, template, alphas: [0.5], passageTokens: 512 }
        heard(query, checked(await scorer.score(request, signal)))
      },
    }))
