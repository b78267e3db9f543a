/** An encoder is a folder: model.onnx, tokenizer.json and encoder.json, which says how the two are used. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { EmbedderIdentity } from '../../method/ports.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'

/** encoder.json; all of it follows the model's own configuration. */
export interface EncoderSettings {
  readonly model: string
  /** How many numbers a vector has. */
  readonly dimension: number
  readonly pooling: 'mean' | 'cls'
  /** Vectors are brought to length 1. */
  readonly normalised: boolean
  /** Stand before a text as they are, blanks included. */
  readonly query_prefix: string
  readonly passage_prefix: string
  /** A text is cut at its end to so many tokens, special ones included. */
  readonly max_tokens: number
  /** Of the files as they were accepted; absent in a folder made by hand. */
  readonly sha256?: Readonly<Record<string, string>>
}

export interface EncoderFolder {
  readonly model: string
  readonly tokenizer: string
  readonly settings: EncoderSettings
  readonly identity: EmbedderIdentity
}

/** What may be used otherwise than encoder.json says. */
export type Usage = Partial<
  Pick<EncoderSettings, 'pooling' | 'normalised' | 'query_prefix' | 'passage_prefix' | 'max_tokens'>
>

/**
 * @param usage goes before what encoder.json says; vectors that it changes are another revision's
 * @throws Fatal with a sentence that names the file or the field.
 */
export const readEncoder = async (folder: string, usage: Usage = {}): Promise<EncoderFolder> => {
  const file = join(folder, 'encoder.json')
  const settings = { ...checked(file, await json(file)), ...usage }
  const paths = { model: join(folder, 'model.onnx'), tokenizer: join(folder, 'tokenizer.json') }
  const [model, tokenizer] = await Promise.all([sha256(paths.model), sha256(paths.tokenizer)])
  unchanged(paths.model, settings.sha256?.['model.onnx'], model)
  unchanged(paths.tokenizer, settings.sha256?.['tokenizer.json'], tokenizer)
  const { dimension, pooling, normalised, query_prefix, passage_prefix, max_tokens } = settings
  const changesVectors = [model, tokenizer, query_prefix, passage_prefix, max_tokens]
  const revision = createHash('sha256').update(JSON.stringify(changesVectors)).digest('hex')
  return { ...paths, settings, identity: { model: settings.model, revision, dimension, pooling, normalised } }
}

/** Of a file's bytes, in hexadecimal. */
export const sha256 = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(file), hash)
  } catch (error) {
    throw new Fatal(`${file} cannot be read (${sentence(error)}); an encoder's folder needs it`, { cause: error })
  }
  return hash.digest('hex')
}

const json = async (file: string): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new Fatal(`${file} cannot be read (${sentence(error)}); it says how the encoder is used`, { cause: error })
  }
}

const unchanged = (file: string, expected: string | undefined, found: string) => {
  if (expected !== undefined && expected !== found)
    throw new Fatal(
      `${file} is not the file that was accepted (sha256 ${found.slice(0, 12)}…, not ${expected.slice(0, 12)}…); restore it or delete its folder`,
    )
}

type Kind = readonly [description: string, holds: (value: unknown) => boolean]
const text: Kind = ['a text', (value) => typeof value === 'string']
const positive: Kind = ['a whole number above 0', (value) => Number.isInteger(value) && (value as number) > 0]
const fields: Readonly<Record<keyof Omit<EncoderSettings, 'sha256'>, Kind>> = {
  model: text,
  dimension: positive,
  pooling: ["'mean' or 'cls'", (value) => value === 'mean' || value === 'cls'],
  normalised: ['true or false', (value) => typeof value === 'boolean'],
  query_prefix: text,
  passage_prefix: text,
  max_tokens: positive,
}

const checked = (file: string, value: unknown): EncoderSettings => {
  const found = (typeof value === 'object' ? (value ?? {}) : {}) as Record<string, unknown>
  for (const [field, [description, holds]] of Object.entries(fields))
    if (!holds(found[field])) throw new Fatal(`${file}: '${field}' must be ${description}`)
  return found as unknown as EncoderSettings
}
