/**
 * One YAML file, then the environment, then flags. Every setting is here, with its default and what it does; a setting
 * that nobody knows is refused.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { answering, imagining, type PromptTemplate } from '../method/prompt.ts'
import { Fatal } from '../runtime/errors.ts'
import { checkMeasuring, checkSelecting } from './combinations.ts'
import { encoder } from './encoder-settings.ts'
import { givenSettings, type Given, type Sources } from './given.ts'
import { refusal } from './refusal.ts'
import type { Folders } from './selectors/pinning.ts'
import { kafka, milvus, observe, price, registry, store, vllm } from './services.ts'

const name = z
  .string()
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/, 'may hold letters, digits, dots, dashes and underscores only')
  .max(120)
const whole = z.int().min(1)
const unit = z.number().min(0)

/** A text of a prompt that is of no use without these places. */
const wording = (text: string, ...places: string[]) =>
  places
    .reduce((schema, place) => schema.refine((given) => given.includes(place), `must hold ${place}`), z.string())
    .default(text)

/** @param places that `user` must hold */
const template = (defaults: PromptTemplate, ...places: string[]) =>
  z
    .strictObject({
      system: z.string().default(defaults.system),
      user: wording(defaults.user, ...places),
      passage: wording(defaults.passage, '{text}'),
    })
    .prefault({})

/** Without the evidence every passage would score the same, and every label would be nothing. */
const answeringPrompt = template(answering, '{question}', '{evidence}')

/** Settings that change what comes out: immutable for a stream, hashed into its manifest. */
const content = {
  imagine: z
    .strictObject({
      on: z.boolean().default(true).describe('the reader writes a pseudo-passage for each query'),
      tokens: whole.default(200).describe('it stops after this many'),
      not_available: z.enum(['drop', 'keep']).default('drop').describe('what happens to one that says N/A'),
      prompt: template(imagining, '{question}'),
    })
    .prefault({}),
  retrieve: z
    .strictObject({
      k: whole.default(20).describe('retrieved passages per query'),
      mode: z.enum(['fused', 'dense', 'sparse']).default('fused'),
      depth: whole.default(100).describe('how far down each ranking is read before two are fused; at least k'),
      fusion: z.enum(['ranks', 'weights']).default('ranks').describe('reciprocal ranks, or weighted scores'),
      rank_constant: whole.default(60).describe('of reciprocal ranks: how slowly the weight of a rank falls'),
      dense_weight: unit.max(1).default(0.5).describe('of weighted scores: the rest is that of the sparse ranking'),
    })
    .prefault({}),
  label: z
    .strictObject({
      alpha: unit.default(0.5).describe('weight of the contrast; 0 gives plain perplexity'),
      passage_tokens: whole.default(512).describe('a longer passage is cut at its end'),
      max_golds: whole.default(8).describe('distinct golds that are scored'),
      exact_golds: z.boolean().default(false).describe('only golds of the very same spelling are one'),
      measure: z.enum(['contrastive', 'plain']).default('contrastive').describe('plain: any server can; no contrast'),
      approximate: z
        .boolean()
        .default(false)
        .describe('with the likeliest tokens only, for a server without the plugin; each record says so'),
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
      by: z.enum(['retrieval', 'given', 'model']).default('retrieval').describe('model: a selector that was trained'),
      model: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe('where by is model: follow (whichever was promoted), a sha256, or a folder; null: follow'),
      keep: whole.default(1),
      abstain: z.boolean().default(false).describe('keep nothing where even the best score is too low'),
      cascade: z
        .strictObject({
          first: z.string().min(1).nullable().default(null).describe('folder or sha256 of a fast selector; null: none'),
          narrow: whole.default(20).describe('candidates that it lets through to the other one'),
        })
        .prefault({}),
    })
    .superRefine(checkSelecting)
    .prefault({}),
  generate: z
    .strictObject({
      passages: z.int().min(0).default(1).describe('kept passages that reach the reader'),
      answer_tokens: whole.default(32),
    })
    .prefault({}),
  prompts: z.looseObject({ default: answeringPrompt }).catchall(answeringPrompt).prefault({}),
}

const settings = z.strictObject({
  prefix: name.default('gainstream').describe('stands before every topic and group'),
  stream: name.default('main').describe('one immutable set of the settings that change what comes out'),
  engine: z.enum(['embedded', 'kafka']).default('embedded').describe('which log: a file of this machine, or Kafka'),
  data: z.string().default('.gainstream').describe('folder of the embedded log, the store and the caches'),
  partitions: whole.max(1000).default(6).describe('of a new stream'),
  encoder,
  reader: z
    .strictObject({
      engine: z.enum(['embedded', 'vllm']).default('embedded').describe('in this process, or vLLM servers'),
      model: z.string().nullable().default(null).describe('a GGUF file or hub name; null: SmolLM2-135M-Instruct'),
      threads: whole.default(2),
      sequences: whole.default(4).describe('prompts evaluated at once'),
      context: whole.default(1024).describe('tokens of prompt and answer'),
      gpu: z.union([z.literal(false), z.enum(['auto', 'cuda', 'vulkan', 'metal'])]).default(false),
    })
    .prefault({}),
  selector: z
    .strictObject({
      device: z.enum(['cpu', 'cuda']).default('cpu').describe('of a cross-encoder; without CUDA it goes on with cpu'),
      threads: whole.nullable().default(null).describe('of one worker; null: one'),
      workers: whole.nullable().default(null).describe('copies of the model; null: as many as the cores have room for'),
    })
    .prefault({}),
  vllm: vllm.describe('where reader.engine is vllm'),
  store: store.describe('of passages'),
  milvus: milvus.describe('where store.engine is milvus'),
  kafka: kafka.describe('where engine is kafka'),
  registry: registry.describe('of schemas, where engine is kafka'),
  observe,
  price,
  log: z.enum(['debug', 'info', 'warn', 'error']).default('warn').describe('what is said on standard error'),
  ...content,
})

/** Every setting; a reader is not promised passages that the selector does not keep. */
export const Config = settings
  .refine(({ generate, select }) => generate.passages <= select.keep, {
    path: ['generate', 'passages'],
    error: 'must not be more than select.keep',
  })
  .superRefine(checkMeasuring)
export type Config = z.infer<typeof Config> & {
  /** Settings that somebody chose, by dotted name, and where: a stream that exists may set the others. */
  readonly chosen?: ReadonlyMap<string, string>
  /** Where selectors lie that somebody named by their folder; see `pinned`. */
  readonly folders?: Folders
}

const contentKeys = Object.keys(content) as (keyof typeof content)[]

/** What changes the outputs, without what only changes how fast they come. */
export const contentOf = (config: Config): Record<string, unknown> =>
  Object.fromEntries(contentKeys.map((key) => [key, config[key]]))

/** Where downloaded models and tools are kept, for all projects of this user; an empty variable is an unset one. */
export const home = (env: NodeJS.ProcessEnv): string =>
  env.GAINSTREAM_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gainstream')

type Tree = { [key: string]: unknown }

const inner = (tree: Tree, key: string): Tree => {
  const there = Object.hasOwn(tree, key) ? tree[key] : undefined
  if (typeof there === 'object' && there !== null) return there as Tree
  const made: Tree = {}
  tree[key] = made
  return made
}

const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0

/** Sets a value deep in a tree of settings; a group without settings takes none away. */
export const put = (tree: Tree, path: readonly string[], value: unknown): void => {
  const [key, ...rest] = path as [string, ...string[]]
  if (rest.length === 0 && isEmpty(value)) inner(tree, key)
  else if (rest.length === 0) tree[key] = value
  else put(inner(tree, key), rest, value)
}

/** Names of settings and of groups of them. */
const namesIn = (value: unknown, at = ''): string[] => [
  ...(at === '' ? [] : [at]),
  ...(value !== null && typeof value === 'object' ? Object.entries(value) : []).flatMap(([key, each]) =>
    namesIn(each, at === '' ? key : `${at}.${key}`),
  ),
]

/** What was given under a name: itself, or the first of the group. */
const foundIn = (given: readonly Given[], name: string): Given | undefined =>
  given.findLast(({ at }) => at.join('.') === name) ?? given.find(({ at }) => at.join('.').startsWith(`${name}.`))

/** A text may look like a number: `--set stream=2026` means the text. */
const asTexts = (tree: Tree, issues: readonly z.core.$ZodIssue[], given: readonly Given[]): void => {
  for (const issue of issues) {
    const name = issue.path.join('.')
    const written = given.findLast(({ at }) => at.join('.') === name)?.written
    if (issue.code === 'invalid_type' && issue.expected === 'string' && written)
      put(tree, issue.path.map(String), written)
  }
}

export interface Reading extends Sources {
  /** Settings that a command has other defaults for, by dotted name. */
  readonly defaults?: Readonly<Record<string, unknown>>
}

/** @throws Fatal that names the setting, where it was found and what it may be. */
export const readConfig = ({ defaults = {}, ...sources }: Reading): Config => {
  const given = givenSettings(sources)
  const tree: Tree = {}
  for (const [name, value] of Object.entries(defaults)) put(tree, name.split('.'), value)
  for (const { at, value } of given) put(tree, at, value)
  let checked = Config.safeParse(tree)
  if (!checked.success) {
    asTexts(tree, checked.error.issues, given)
    checked = Config.safeParse(tree)
  }
  if (checked.success)
    return { ...checked.data, chosen: new Map(given.map(({ at, origin }) => [at.join('.'), origin])) }
  const found = (name: string) => ({ value: foundIn(given, name)?.value, origin: foundIn(given, name)?.origin })
  throw new Fatal(refusal(checked.error.issues[0]!, namesIn(Config.parse({})), found))
}
