/** From a prompt to token ids, through the chat template that came with the model. */
import type { LlamaModel, Token } from 'node-llama-cpp'
import type { Prompt } from '../../method/prompt.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Addon } from './addon.ts'

export type Chat = (prompt: Prompt) => number[]

type Piece = { readonly text: string } | { readonly of: 'system' | 'user' | 'both' }

/** Stand for the prompt's texts while the template is rendered; no template looks into them. */
const marks = { system: '\u{F0001}system\u{F0001}', user: '\u{F0001}user\u{F0001}', both: '\u{F0001}both\u{F0001}' }

/** Templates that write the date write this one, so that a prompt is the same tomorrow. */
const today: Readonly<Record<string, string>> = {
  Y: '2025',
  m: '01',
  d: '01',
  '-d': '1',
  B: 'January',
  b: 'Jan',
  A: 'Wednesday',
  H: '00',
  M: '00',
  S: '00',
}
const dated = (format: string) => format.replace(/%(-?\w)/g, (whole, field: string) => today[field] ?? whole)

const withFixedDate = (template: string) =>
  template.replace(
    /strftime_now\(\s*(['"])(.*?)\1\s*\)/g,
    (_, quote: string, format: string) => quote + dated(format) + quote,
  )

/** A template that opens a thought gets it closed: the first token after the prompt is the answer's. */
const withoutThought = (text: string) => (/<think>\s*$/.test(text) ? `${text.trimEnd()}\n\n</think>\n\n` : text)

const split = (rendered: string): Piece[] =>
  rendered
    .split(/(\u{F0001}\w+\u{F0001})/u)
    .filter((part) => part !== '')
    .map((part) => {
      const of = (['system', 'user', 'both'] as const).find((name) => marks[name] === part)
      return of ? { of } : { text: part }
    })

const holds = (pieces: readonly Piece[], names: readonly string[]) =>
  names.every((name) => pieces.filter((piece) => 'of' in piece && piece.of === name).length === 1)

const plain: Piece[] = [{ of: 'both' }, { text: '\n' }]

/** The template around system and user text; around both in one where it knows no system text. */
export const piecesOf = (template: string | undefined, render: (messages: object[]) => string): Piece[] => {
  if (template === undefined) return plain
  const attempts = [
    { names: ['system', 'user'], messages: ['system', 'user'] as const },
    { names: ['both'], messages: ['both'] as const },
  ]
  let reason = 'it drops the messages'
  for (const { names, messages } of attempts) {
    try {
      const roles = messages.map((name) => ({ role: name === 'both' ? 'user' : name, content: marks[name] }))
      const pieces = split(withoutThought(render(roles)))
      if (holds(pieces, names)) return pieces
    } catch (error) {
      reason = sentence(error).split('\n').at(-1) ?? reason
    }
  }
  throw new Fatal(`the model's chat template cannot be used (${reason}): choose another reader.model`)
}

/**
 * The text of a prompt is tokenised without special tokens, so that a passage that spells `<|im_end|>` ends nothing;
 * the template around it with them. Exactly one beginning-of-sequence token where the model has one.
 */
export const openChat = (model: LlamaModel, addon: Addon): Chat => {
  const { bosString, eosString, bos, shouldPrependBosToken } = model.tokens
  const template = model.fileInfo.metadata.tokenizer.chat_template
  const render = (messages: object[]) =>
    addon.render(withFixedDate(template ?? ''), {
      messages,
      add_generation_prompt: true,
      enable_thinking: false,
      date_string: dated('%d %b %Y'),
      bos_token: bosString ?? '',
      eos_token: eosString ?? '',
    })
  const pieces = piecesOf(template, render)

  const textOf = (piece: Piece, { system, user }: Prompt) => {
    if ('text' in piece) return piece.text
    return piece.of === 'both' ? [system, user].filter((text) => text !== '').join('\n\n') : { system, user }[piece.of]
  }
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
