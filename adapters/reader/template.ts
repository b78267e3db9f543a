/** A model's chat template as the texts around system and user text. */
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Prompt } from '../../method/prompt.ts'

/** A text of the template, or where a text of the prompt stands. */
export type Piece = { readonly text: string } | { readonly of: 'system' | 'user' | 'both' }

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
export const dated = (format: string) => format.replace(/%(-?\w)/g, (whole, field: string) => today[field] ?? whole)

export const withFixedDate = (template: string) =>
  template.replace(
    /strftime_now\(\s*(['"])(.*?)\1\s*\)/g,
    (_, quote: string, format: string) => quote + dated(format) + quote,
  )

/** A template that opens a thought gets it closed: the first token after the prompt is the answer's. */
const withoutThought = (text: string) => (/<think>\s*$/.test(text) ? `${text.trimEnd()}\n\n</think>\n\n` : text)

export interface Message {
  readonly role: string
  readonly content: string
}

const split = (rendered: string): Piece[] =>
  rendered
    .split(/(\u{F0001}\w+\u{F0001})/u)
    .filter((part) => part !== '')
    .map((part) => {
      const of = (['system', 'user', 'both'] as const).find((name) => marks[name] === part)
      return of ? { of } : { text: part }
    })

const holds = (pieces: readonly Piece[], messages: readonly Message[]) =>
  messages.every(({ content }) => pieces.filter((piece) => 'of' in piece && marks[piece.of] === content).length === 1)

const plain: Piece[] = [{ of: 'both' }, { text: '\n' }]

const roleOf = { system: 'system', user: 'user', both: 'user' } as const

/** What a template is asked to render, in the order of preference: with a system text, and with one turn for both. */
export const conversations: readonly (readonly Message[])[] = ([['system', 'user'], ['both']] as const).map((names) =>
  names.map((name) => ({ role: roleOf[name], content: marks[name] })),
)

/** The template around system and user text; around both in one where it knows no system text. */
export const piecesOf = (template: string | undefined, render: (messages: readonly Message[]) => string): Piece[] => {
  if (template === undefined) return plain
  let reason = 'it drops the messages'
  for (const messages of conversations) {
    try {
      const pieces = split(withoutThought(render(messages)))
      if (holds(pieces, messages)) return pieces
    } catch (error) {
      reason = sentence(error).split('\n').at(-1) ?? reason
    }
  }
  throw new Fatal(`the model's chat template cannot be used (${reason}): choose another reader.model`)
}

/** What stands in a piece's place. */
export const textOf = (piece: Piece, { system, user }: Prompt): string => {
  if ('text' in piece) return piece.text
  return piece.of === 'both' ? [system, user].filter((text) => text !== '').join('\n\n') : { system, user }[piece.of]
}
