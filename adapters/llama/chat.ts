/** From a prompt to token ids, through the chat template that came with the model. */
import type { LlamaModel, Token } from 'node-llama-cpp'
import type { Prompt } from '../../method/prompt.ts'
import { dated, piecesOf, textOf, withFixedDate, type Message, type Piece } from '../reader/template.ts'
import type { Addon } from './addon.ts'

/**
 * The text of a prompt is tokenised without special tokens, so that a passage that spells `<|im_end|>` ends nothing;
 * the template around it with them. Exactly one beginning-of-sequence token where the model has one.
 */
export const openChat = (model: LlamaModel, addon: Addon): ((prompt: Prompt) => number[]) => {
  const { bosString, eosString, bos, shouldPrependBosToken } = model.tokens
  const template = model.fileInfo.metadata.tokenizer.chat_template
  const render = (messages: readonly Message[]) =>
    addon.render(withFixedDate(template ?? ''), {
      messages,
      add_generation_prompt: true,
      enable_thinking: false,
      date_string: dated('%d %b %Y'),
      bos_token: bosString ?? '',
      eos_token: eosString ?? '',
    })
  const pieces = piecesOf(template, render)

  const tokensOf = (piece: Piece, i: number, prompt: Prompt): Token[] => {
    const text = textOf(piece, prompt)
    return model.tokenize(text, 'text' in piece, i === 0 ? undefined : 'trimLeadingSpace')
  }
  return (prompt) => {
    const tokens: number[] = pieces.flatMap((piece, i) => tokensOf(piece, i, prompt))
    if (bos === null) return tokens
    const begin = tokens.findIndex((token) => token !== bos)
    return shouldPrependBosToken || begin > 0 ? [bos, ...tokens.slice(Math.max(0, begin))] : tokens
  }
}
