/** How an encoder is used, as its own files say: those of Transformers and of sentence-transformers. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Preset } from './presets.ts'

type Json = Readonly<Record<string, unknown>>

/** What is known of a model before it is exported. */
export interface Configured {
  readonly dimension: number
  /** Of Transformers, such as `bert`. */
  readonly kind: string
  /** What its files say; what they leave open is not there. */
  readonly usage: Partial<Preset>
  /** Tokens that its positions reach to. */
  readonly positions: number
  /** Texts are lowered before its tokenizer sees them. */
  readonly lowers: boolean
}

const read = async (file: string): Promise<unknown> => {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new Fatal(`${file} cannot be read (${sentence(error)})`, { cause: error })
  }
}

const object = async (file: string): Promise<Json> => {
  const found = await read(file)
  return typeof found === 'object' && found !== null ? (found as Json) : {}
}

const number = (value: unknown): number | undefined => (typeof value === 'number' && value > 0 ? value : undefined)

/** The last word of a module's type, whatever package it moved to. */
const kindOf = (type: unknown) => String(type).split('.').at(-1)!

const known = ['Transformer', 'Pooling', 'Normalize']

interface Module {
  readonly kind: string
  readonly path: string
}

const modulesIn = async (folder: string): Promise<Module[] | undefined> => {
  const listed = await read(join(folder, 'modules.json'))
  if (!Array.isArray(listed)) return undefined
  const modules = (listed as Json[]).map(({ type, path }) => ({
    kind: kindOf(type),
    path: typeof path === 'string' ? path : '',
  }))
  const other = modules.find(({ kind }) => !known.includes(kind))
  if (other)
    throw new Fatal(`${folder} has a module ${other.kind}, which cannot be exported: only ${known.join(', ')} can`)
  return modules
}

/** Older files have a flag for each way, newer ones name it. */
const poolingIn = (config: Json, file: string): Preset['pooling'] | undefined => {
  const flagged = Object.keys(config).filter((name) => name.startsWith('pooling_mode_') && config[name] === true)
  const named = typeof config.pooling_mode === 'string' ? [config.pooling_mode] : flagged
  if (named.length === 0) return undefined
  const way = named.map((name) => name.replace(/^pooling_mode_/, '').replace(/_tokens?$/, '')).join(' and ')
  if (way === 'mean' || way === 'cls') return way
  throw new Fatal(`${file} pools by ${way}, which cannot be exported: only mean and cls can`)
}

const poolingOf = async (folder: string, modules: readonly Module[] | undefined) => {
  const path = modules?.find(({ kind }) => kind === 'Pooling')?.path ?? '1_Pooling'
  const file = join(folder, path, 'config.json')
  return poolingIn(await object(file), file)
}

/** What stands before texts, where the model's files name such prompts. */
const prefixesOf = async (folder: string): Promise<Partial<Preset>> => {
  const { prompts } = await object(join(folder, 'config_sentence_transformers.json'))
  const { query, passage, document } = (prompts ?? {}) as Json
  const other = passage ?? document
  return {
    ...(typeof query === 'string' && { query_prefix: query }),
    ...(typeof other === 'string' && { passage_prefix: other }),
  }
}

/** Of the part of sentence-transformers that runs the model; its name says which model that was. */
const lengthOf = async (folder: string) => {
  const file = (await readdir(folder)).find((name) => /^sentence_\w+_config\.json$/.test(name))
  const { max_seq_length, do_lower_case } = file === undefined ? {} : await object(join(folder, file))
  const { model_max_length } = await object(join(folder, 'tokenizer_config.json'))
  const ofTokenizer = number(model_max_length)
  return {
    tokens: number(max_seq_length) ?? (ofTokenizer !== undefined && ofTokenizer < 1e6 ? ofTokenizer : undefined),
    lowers: do_lower_case === true,
  }
}

/** Positions of these count from behind the padding token's id. */
const shifted = ['roberta', 'xlm-roberta', 'camembert', 'mpnet']

const defined = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Preset>

/** @throws Fatal that names the file that is missing or says something that cannot be exported. */
export const configured = async (folder: string): Promise<Configured> => {
  const file = join(folder, 'config.json')
  if (!existsSync(file)) throw new Fatal(`${folder} holds no config.json: name the folder of a model of Transformers`)
  const config = await object(file)
  const [kind, dimension] = [String(config.model_type), number(config.hidden_size ?? config.dim)]
  const most = number(config.max_position_embeddings)
  if (dimension === undefined || most === undefined)
    throw new Fatal(`${file} lacks hidden_size or max_position_embeddings: is it an encoder?`)
  const positions = shifted.includes(kind) ? most - (number(config.pad_token_id) ?? 1) - 1 : most
  const modules = await modulesIn(folder)
  const { tokens, lowers } = await lengthOf(folder)
  const pooling = await poolingOf(folder, modules)
  const normalised = modules && modules.some(({ kind }) => kind === 'Normalize')
  const usage = { ...defined({ pooling, normalised, max_tokens: tokens }), ...(await prefixesOf(folder)) }
  return { dimension, kind, usage, positions, lowers }
}

/** Where the model's weights are. @throws Fatal with what can be exported */
export const weightsIn = (folder: string): 'model.safetensors' | 'pytorch_model.bin' => {
  const found = (['model.safetensors', 'pytorch_model.bin'] as const).find((name) => existsSync(join(folder, name)))
  if (found) return found
  const split = existsSync(join(folder, 'model.safetensors.index.json')) ? ', only weights in several files' : ''
  throw new Fatal(`${folder} holds no model.safetensors and no pytorch_model.bin${split}: there is nothing to export`)
}
