/** Was a selector trained for what it is to be used for? */
import { promptHash } from '../../method/prompt.ts'
import type { SelectorSettings } from '../../method/selector.ts'
import type { Config } from '../config.ts'

/** Sentences about what the training of a selector has otherwise than a stream. */
export const differences = ({ name, trained }: SelectorSettings, { label, distil, prompts }: Config): string[] => {
  if (!trained) return [`${name} does not say what it was trained on`]
  const own = new Set(Object.values(prompts).map(promptHash))
  const others = trained.prompts.filter((hash) => !own.has(hash))
  const said: string[] = []
  if (trained.measure !== distil.measure)
    said.push(
      `${name} was trained on ${trained.measure} gains, and this stream's are ${distil.measure} (distil.measure)`,
    )
  if (trained.measure === 'contrastive' && trained.alpha !== label.alpha)
    said.push(`${name} was trained with α ${trained.alpha}, and this stream's is ${label.alpha} (label.alpha)`)
  if (others.length > 0)
    said.push(`${name} was trained under another prompt (${others.join(', ')}) than any of this stream's`)
  return said
}
