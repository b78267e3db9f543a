/**
 * One YAML file, then the environment, then flags. Every setting is here, with its default and what it does; a setting
 * that nobody knows is refused.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { answering, imagining } from '../method/prompt.ts'
import { Fatal, sentence } from '../runtime/errors.ts'

const name = z
  .string()
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/, 'may hold letters, digits, dots, dashes and underscores only')
  .max(120)
const whole = z.int().min(1)
const unit = z.number().min(0)

const template = (defaults: { system: string; user: string; passage: string }) =>
  z
    .strictObject({
      system: z.string().default(defaults.system),
      user: z
        .string()
        .refine((text) => text.includes('{question}'), 'must hold {question}')
        .default(defaults.user),
      passage: z.string().default(defaults.passage),
    })
    .prefault({})

/** Settings that change what comes out: immutable for a stream, hashed into its manifest. */
const content = {
  imagine: z
    .strictObject({
      on: z.boolean().default(true).describe('the reader writes a pseudo-passage for each query'),
      tokens: whole.default(200).describe('it stops after this many'),
      not_available: z.enum(['drop', 'keep']).default('drop').describe('what happens to one that says N/A'),
      prompt: template(imagining),
    })
    .prefault({}),
  retrieve: z
    .strictObject({
      k: whole.default(20).describe('retrieved passages per query'),
      mode: z.enum(['fused', 'dense', 'sparse']).default('fused'),
    })
    .prefault({}),
  label: z
    .strictObject({
      alpha: unit.default(0.5).describe('weight of the contrast; 0 gives plain perplexity'),
      passage_tokens: whole.default(512).describe('a longer passage is cut at its end'),
      max_golds: whole.default(8).describe('distinct golds that are scored'),
      exact_golds: z.boolean().default(false).describe('only golds of the very same spelling are one'),
    })
    .prefault({}),
  distil: z
    .strictObject({
      measure: z.enum(['contrastive', 'plain']).default('contrastive'),
      filter: z.enum(['boundary', 'containment', 'off']).default('boundary').describe('the answerable filter'),
      drop_twins: z.boolean().default(false).describe('leave near-copies out of groups'),
    })
    .prefault({}),
  select: z
    .strictObject({
      by: z.enum(['retrieval', 'given']).default('retrieval'),
      keep: whole.default(1),
    })
    .prefault({}),
  generate: z
    .strictObject({
      passages: z.int().min(0).default(1).describe('kept passages that reach the reader'),
      answer_tokens: whole.default(32),
    })
    .prefault({}),
  prompts: z
    .looseObject({ default: template(answering) })
    .catchall(template(answering))
    .prefault({}),
}

export const Config = z.strictObject({
  prefix: name.default('gainstream').describe('stands before every topic and group'),
  stream: name.default('main').describe('one immutable set of the settings that change what comes out'),
  data: z.string().default('.gainstream').describe('folder of the log, the store and the caches'),
  partitions: whole.max(1000).default(6).describe('of a new stream'),
  encoder: z
    .strictObject({
      model: z.string().nullable().default(null).describe('folder of an ONNX encoder; null: all-MiniLM-L6-v2'),
      threads: whole.default(2),
    })
    .prefault({}),
  reader: z
    .strictObject({
      model: z.string().nullable().default(null).describe('a GGUF file or hub name; null: SmolLM2-135M-Instruct'),
      threads: whole.default(2),
      sequences: whole.default(4).describe('prompts evaluated at once'),
      context: whole.default(1024).describe('tokens of prompt and answer'),
      gpu: z.union([z.literal(false), z.enum(['auto', 'cuda', 'vulkan', 'metal'])]).default(false),
    })
    .prefault({}),
  log: z.enum(['debug', 'info', 'warn', 'error']).default('warn').describe('what is said on standard error'),
  ...content,
})
export type Config = z.infer<typeof Config> & {
  /** Settings that somebody chose, by dotted name: a stream that exists may set the others. */
  readonly chosen?: ReadonlySet<string>
}

const contentKeys = Object.keys(content) as (keyof typeof content)[]

/** What changes the outputs, without what only changes how fast they come. */
export const contentOf = (config: Config): Record<string, unknown> =>
  Object.fromEntries(contentKeys.map((key) => [key, config[key]]))

/** Where downloaded models and tools are kept, for all projects of this user. */
export const home = (env: NodeJS.ProcessEnv): string =>
  env.GAINSTREAM_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gainstream')

type Tree = { [key: string]: unknown }

/** Sets a value deep in a tree of settings. */
export const put = (tree: Tree, path: readonly string[], value: unknown): void => {
  const [key, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) tree[key] = value
  else put((tree[key] ??= {}) as Tree, rest, value)
}

/** `label.alpha=0.3`, its value read as YAML. */
const assignment = (text: string): [string[], unknown] => {
  const cut = text.indexOf('=')
  if (cut < 1) throw new Fatal(`--set ${text}: write it as setting=value, e.g. label.alpha=0.3`)
  return [text.slice(0, cut).split('.'), parse(text.slice(cut + 1))]
}

/** `GAINSTREAM_LABEL__ALPHA=0.3` is `label.alpha`. */
const fromEnvironment = (env: NodeJS.ProcessEnv): [string[], unknown][] =>
  Object.entries(env)
    .filter(([key, value]) => key.startsWith('GAINSTREAM_') && value !== undefined && !reserved.has(key))
    .map(([key, value]) => [key.slice('GAINSTREAM_'.length).toLowerCase().split('__'), parse(value!)])

/** Not settings: folders and switches that the tool itself reads. */
const reserved = new Set(['GAINSTREAM_HOME', 'GAINSTREAM_CONFIG', 'GAINSTREAM_DATA', 'GAINSTREAM_BOOTSTRAPPED'])

const fileSettings = (path: string): Tree => {
  try {
    const read: unknown = parse(readFileSync(path, 'utf8'))
    if (read === null) return {}
    if (typeof read !== 'object' || Array.isArray(read)) throw new Error('it holds no settings')
    return read as Tree
  } catch (error) {
    throw new Fatal(`configuration ${path}: ${sentence(error).split('\n')[0]}`)
  }
}

export interface Given {
  /** A file named by flag or environment; without one `gainstream.yaml` is read where it exists. */
  readonly file?: string | undefined
  readonly env: NodeJS.ProcessEnv
  /** `setting=value`, as given by `--set`. */
  readonly set?: readonly string[]
  /** Settings that a command's own flags stand for, by dotted name. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** Settings that a command has other defaults for. */
  readonly defaults?: Readonly<Record<string, unknown>>
}

/** @throws Fatal that names the setting and where it was found. */
export const readConfig = ({ file, env, set = [], flags = {}, defaults = {} }: Given): Config => {
  const path = file ?? env.GAINSTREAM_CONFIG ?? (existsSync('gainstream.yaml') ? 'gainstream.yaml' : undefined)
  const tree: Tree = {}
  const chosen = new Set<string>()
  const choose = (at: readonly string[], value: unknown) => {
    put(tree, at, value)
    chosen.add(at.join('.'))
  }
  const merge = (from: Tree, at: string[]) => {
    for (const [key, value] of Object.entries(from)) {
      const nested = typeof value === 'object' && value !== null && !Array.isArray(value)
      if (nested) merge(value as Tree, [...at, key])
      else choose([...at, key], value)
    }
  }
  for (const [key, value] of Object.entries(defaults)) put(tree, key.split('.'), value)
  if (path !== undefined) merge(fileSettings(path), [])
  for (const [at, value] of [...fromEnvironment(env), ...set.map(assignment)]) choose(at, value)
  for (const [key, value] of Object.entries(flags)) if (value !== undefined) choose(key.split('.'), value)
  const checked = Config.safeParse(tree)
  if (checked.success) return { ...checked.data, chosen }
  const [issue] = checked.error.issues
  const where = issue?.path.length ? `setting ${issue.path.join('.')}` : 'configuration'
  throw new Fatal(`${where}: ${issue?.message ?? 'is not valid'} (see gainstream config show)`)
}
