/** A request to read, as token ids that fit the context. */
import type { PromptTemplate } from '../../method/prompt.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'
import { misfit, type Prompts } from './prompts.ts'

export interface Fitting {
  readonly question: string
  readonly passages: readonly Passage[]
  readonly template: PromptTemplate
  readonly passageTokens: number
}

/** As many of the passages as fit, each cut to its limit, and what was cut. @throws Rejected when none is too many. */
export const fitted = async (
  prompts: Prompts,
  request: Fitting,
  maxTokens: number,
  signal: AbortSignal,
): Promise<{ prompt: readonly number[]; cuts: string[] }> => {
  const { template, question } = request
  const cut = await Promise.all(
    request.passages.map((passage) => prompts.cut(template, passage, request.passageTokens, signal)),
  )
  const cuts = cut.flatMap(({ passage, cut: n }) => (n > 0 ? [`passage ${passage.id} cut by ${n} tokens`] : []))
  for (let kept = cut.length; kept >= 0; kept--) {
    const some = cut.slice(0, kept).map(({ passage }) => passage)
    const prompt = await prompts.prompt(template, question, some, signal)
    const tooLong = misfit('the prompt', prompt.length, maxTokens, prompts)
    if (tooLong && kept === 0) throw new Rejected(tooLong)
    if (tooLong) continue
    const left = cut.length - kept
    return { prompt, cuts: left > 0 ? [...cuts, `the last ${left} of ${cut.length} passages left out`] : cuts }
  }
  throw new Rejected('the prompt does not fit')
}
