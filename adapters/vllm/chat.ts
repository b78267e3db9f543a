/** Prompts as the server's own chat template renders them. */
import type { Prompt } from '../../method/prompt.ts'
import { Fatal, Rejected } from '../../runtime/errors.ts'
import type { Chat, Tokenizer } from '../reader/prompts.ts'
import { conversations, dated, piecesOf, textOf, type Message, type Piece } from '../reader/template.ts'
import type { Server } from './server.ts'
import { harmless, type Texts } from './texts.ts'

/** The template's text around some messages; undefined where the model has none. */
const rendered = async (
  server: Server,
  messages: readonly Message[],
  signal: AbortSignal,
): Promise<string | Rejected> => {
  try {
    return await server.detokenize(await server.conversation(messages, signal), signal)
  } catch (error) {
    if (error instanceof Rejected) return error
    throw error
  }
}

const day = 24 * 60 * 60 * 1000
/** Ways in which chat templates write a date; the same as formats of strftime. */
const formats = ['%d %b %Y', '%d %B %Y', '%B %d, %Y', '%b %d, %Y', '%Y-%m-%d'] as const

const written = (format: string, at: Date): string => {
  const part = (options: Intl.DateTimeFormatOptions) => at.toLocaleDateString('en-US', { ...options, timeZone: 'UTC' })
  const parts: Record<string, string> = {
    d: part({ day: '2-digit' }),
    b: part({ month: 'short' }),
    B: part({ month: 'long' }),
    m: part({ month: '2-digit' }),
    Y: part({ year: 'numeric' }),
  }
  return format.replace(/%(\w)/g, (_, name: string) => parts[name]!)
}

/** A template that writes today's date would make another prompt tomorrow: it gets a fixed one. */
export const withoutToday = (text: string, now: number): string =>
  [now - day, now, now + day].reduce(
    (result, at) =>
      formats.reduce((each, format) => each.replaceAll(written(format, new Date(at)), dated(format)), result),
    text,
  )

/** What stands around system and user text. @throws Fatal when the template drops them */
export const templateOf = async (server: Server, signal: AbortSignal, now: number): Promise<Piece[]> => {
  const known = new Map<readonly Message[], string | Rejected>()
  for (const messages of conversations) known.set(messages, await rendered(server, messages, signal))
  if ([...known.values()].every((each) => each instanceof Rejected && /chat template/i.test(each.message)))
    return piecesOf(undefined, () => '')
  const pieces = piecesOf('', (messages) => {
    const text = known.get(messages)
    if (typeof text === 'string') return text
    throw text ?? new Error('it was not rendered')
  })
  return pieces.map((piece) => ('text' in piece ? { text: withoutToday(piece.text, now) } : piece))
}

export interface Talking {
  readonly chat: Chat
  readonly tokenizer: Tokenizer
  /** A prompt as text, before it becomes tokens. */
  written(this: void, prompt: Prompt, signal: AbortSignal): Promise<string>
}

/**
 * @param begin token that begins a sequence, where the model has one: it then stands at the front of a prompt, once
 */
export const talking = (texts: Texts, pieces: readonly Piece[], begin: number | undefined): Talking => {
  const safe = async (text: string, signal: AbortSignal) => harmless(text, await texts.spelt(text, signal))
  const write = async (prompt: Prompt, signal: AbortSignal) => {
    const parts = pieces.map(async (piece) => ('text' in piece ? piece.text : safe(textOf(piece, prompt), signal)))
    return (await Promise.all(parts)).join('')
  }
  const chat: Chat = async (prompt, signal) => {
    const tokens = await texts.encode(await write(prompt, signal), signal)
    if (begin === undefined) return tokens
    const first = tokens.findIndex((token) => token !== begin)
    return [begin, ...tokens.slice(Math.max(0, first))]
  }
  const tokenizer: Tokenizer = {
    tokenize: async (text, signal) => texts.encode(await safe(text, signal), signal),
    detokenize: (tokens, signal) => texts.decode(tokens, signal),
  }
  return { chat, tokenizer, written: write }
}

const sample: Prompt = {
  system: 'Answer in a few words.',
  user: 'Question: Où est née Zoë?\n\n“Lumière” – 東京 1984\n\nNaïve façade, 3 ½ km.',
}

/**
 * The tokenizer of this process is the server's: both make the same tokens of the same prompt.
 * @throws Fatal that names both
 */
export const checkTokens = async (
  { written: write }: Talking,
  texts: Texts,
  server: Server,
  signal: AbortSignal,
): Promise<void> => {
  const text = await write(sample, signal)
  const [ours, theirs] = [await texts.encode(text, signal), await server.tokenize(text, false, signal)]
  if (ours.length === theirs.length && ours.every((token, i) => token === theirs[i])) return
  throw new Fatal(
    `the tokenizer of vllm.tokenizer makes other tokens of a prompt than ${server.name} does: ` +
      'name the folder of the model that is served, or none',
  )
}
