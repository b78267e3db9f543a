/** A request to score, as token ids that fit the context. */
import type { ScoreRequest } from '../../method/ports.ts'
import { Rejected } from '../../runtime/errors.ts'
import { misfit, type Prompts } from './prompts.ts'

export interface Plan {
  /** The prompt without a passage. */
  readonly base: readonly number[]
  readonly golds: readonly (readonly number[])[]
  readonly passages: readonly (PlannedPassage | { readonly unscored: string })[]
  readonly alphas: readonly number[]
}

export interface PlannedPassage {
  readonly prompt: readonly number[]
  /** Tokens cut off at the end of the passage. */
  readonly cut: number
}

/** @throws Rejected when an answer has no tokens or does not even fit after the prompt without a passage. */
export const planOf = async (prompts: Prompts, request: ScoreRequest, signal: AbortSignal): Promise<Plan> => {
  const { template, question, alphas, passageTokens } = request
  if (request.answers.length === 0) throw new Rejected('there is no answer to score')
  const golds = await Promise.all(request.answers.map((answer) => prompts.answer(answer, signal)))
  const longest = Math.max(...golds.map((gold) => gold.length))
  const base = await prompts.prompt(template, question, [], signal)
  const tooLong = misfit('the prompt without a passage', base.length, longest, prompts)
  if (tooLong) throw new Rejected(tooLong)
  const planned = request.passages.map(async (whole) => {
    const { passage, cut } = await prompts.cut(template, whole, passageTokens, signal)
    const prompt = await prompts.prompt(template, question, [passage], signal)
    const unscored = misfit('the prompt', prompt.length, longest, prompts)
    return unscored ? { unscored } : { prompt, cut }
  })
  return { base, golds, passages: await Promise.all(planned), alphas }
}
