/** Texts to token ids: by the model's own tokenizer.json in this process, or by the server. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Tokenizer } from 'tokenizers'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Server } from './server.ts'

export interface Texts {
  /** As the model reads it: texts such as `<|im_end|>` become the tokens that they spell; nothing is put around it. */
  encode(text: string, signal: AbortSignal): Promise<readonly number[]>
  decode(tokens: readonly number[], signal: AbortSignal): Promise<string>
  /** What in a text spells a token of the model's own, such as the end of a turn. */
  spelt(text: string, signal: AbortSignal): Promise<readonly string[]>
}

const fileOf = (path: string): string => {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'tokenizer.json') : path
  if (!existsSync(file))
    throw new Fatal(`there is no ${file}: set vllm.tokenizer to the folder of the model that is served, or to nothing`)
  return file
}

/** What looks like a token of a model's own in the vocabularies that are in use. */
const marked = /<[^<>\s]{1,60}>|\[\/?[A-Z_]{2,20}\]/g

interface Added {
  readonly added_tokens?: readonly { readonly content?: unknown; readonly special?: unknown }[]
}

/** Some vocabularies have blank lines and runs of blanks among what was added: these are text. */
const isOwn = (content: string, special: unknown) =>
  content.length > 1 && content.trim() !== '' && (special === true || content.replace(marked, '') === '')

const addedIn = (file: string): string[] => {
  const { added_tokens: added = [] } = JSON.parse(readFileSync(file, 'utf8')) as Added
  return added.flatMap(({ content, special }) =>
    typeof content === 'string' && isOwn(content, special) ? [content] : [],
  )
}

const opened = (file: string) => {
  try {
    return { tokenizer: Tokenizer.fromFile(file), added: addedIn(file) }
  } catch (error) {
    throw new Fatal(`${file} cannot be loaded as a tokenizer (${sentence(error)}): set vllm.tokenizer to another`, {
      cause: error,
    })
  }
}

/** @param path of tokenizer.json or its folder. @throws Fatal when it is none */
export const localTexts = (path: string): Texts => {
  const { tokenizer, added } = opened(fileOf(path))
  tokenizer.disablePadding()
  tokenizer.disableTruncation()
  return {
    encode: async (text) => (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds(),
    decode: (tokens) => tokenizer.decode([...tokens], false),
    spelt: (text) => Promise.resolve(added.filter((each) => text.includes(each))),
  }
}

/** @param server any that serves the model */
export const servedTexts = (server: Pick<Server, 'tokenize' | 'detokenize'>): Texts => {
  const single = new Map<string, boolean>()
  const encode = (text: string, signal: AbortSignal) => server.tokenize(text, false, signal)
  const isSingle = async (text: string, signal: AbortSignal) => {
    const known = single.get(text) ?? (await encode(text, signal)).length === 1
    if (single.size < 10_000) single.set(text, known)
    return known
  }
  return {
    encode,
    decode: (tokens, signal) => server.detokenize(tokens, signal),
    spelt: async (text, signal) => {
      const found = [...new Set(text.match(marked) ?? [])]
      const are = await Promise.all(found.map((each) => isSingle(each, signal)))
      return found.filter((_, i) => are[i])
    },
  }
}

/** A text that ends nothing: what would be a token of the model's own is broken up by a blank after its first letter. */
export const harmless = (text: string, spelt: readonly string[]): string =>
  spelt.reduce((result, each) => result.replaceAll(each, `${each.slice(0, 1)} ${each.slice(1)}`), text)
