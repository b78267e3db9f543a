import { createHash } from 'node:crypto'
import type { PromptTemplate } from '../method/prompt.ts'
import { Fatal } from '../runtime/errors.ts'
import type { StreamEntry } from '../schemas/control.ts'
import { contentOf, put, type Config } from './config.ts'
import { deciding } from './encoder-settings.ts'

const sorted = (value: unknown): unknown =>
  value === null || typeof value !== 'object'
    ? value
    : Array.isArray(value)
      ? value.map(sorted)
      : Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, each]) => [key, sorted(each)]),
        )

/** What changes the outputs of a stream: the settings of its content, and which models. */
export const immutable = ({ encoder, reader, vllm, ...config }: Config) => ({
  ...contentOf({ encoder, reader, vllm, ...config }),
  encoder: deciding(encoder),
  reader: { engine: reader.engine, model: reader.model, context: reader.context },
  vllm: { model: vllm.model, context: vllm.context },
})

/**
 * Settings that came when there were streams already, by what had been so until then: a manifest names them only where
 * they are something else, so that the hash of a stream stays what it was.
 */
const later: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['label.measure', 'contrastive'],
  ['label.approximate', false],
  ['retrieve.depth', 100],
  ['retrieve.fusion', 'ranks'],
  ['retrieve.rank_constant', 60],
  ['retrieve.dense_weight', 0.5],
  ['encoder.engine', 'onnx'],
  ['encoder.preset', null],
  ['encoder.pooling', null],
  ['encoder.normalised', null],
  ['encoder.query_prefix', null],
  ['encoder.passage_prefix', null],
  ['encoder.max_tokens', null],
  ['select.abstain', false],
  ['select.model', null],
  ['select.cascade.first', null],
  ['select.cascade.narrow', 20],
  ['reader.engine', 'embedded'],
  ['vllm.model', null],
  ['vllm.context', null],
])

/** JSON with sorted keys, and the first 16 hexadecimal digits of its sha256. */
export const manifest = (config: Config): { settings: string; hash: string } => {
  const tree = {}
  for (const [path, value] of leaves(immutable(config)))
    if (!later.has(path.join('.')) || later.get(path.join('.')) !== value) put(tree, path, value)
  const settings = JSON.stringify(sorted(tree))
  return { settings, hash: createHash('sha256').update(settings).digest('hex').slice(0, 16) }
}

export type Leaf = readonly [path: readonly string[], value: unknown]

/** Each single setting of a tree of them. */
export const leaves = (value: unknown, at: readonly string[] = []): Leaf[] =>
  value !== null && typeof value === 'object'
    ? Object.entries(value).flatMap(([key, each]) => leaves(each, [...at, key]))
    : [[at, value]]

/** The settings of a stream that was made, those included that came later. */
export const settingsIn = (entry: Pick<StreamEntry, 'settings'>): Leaf[] => {
  const written = leaves(JSON.parse(entry.settings))
  const named = new Set(written.map(([path]) => path.join('.')))
  const others = [...later].filter(([name]) => !named.has(name))
  return [...written, ...others.map(([name, value]): Leaf => [name.split('.'), value])]
}

/**
 * The configuration as an existing stream has it: what nobody chose is taken from the stream.
 * @throws Fatal that names the first chosen setting that differs: a stream's settings never change.
 */
export const asStream = (config: Config, entry: StreamEntry): Config => {
  const theirs = settingsIn(entry)
  const values = new Map(theirs.map(([path, value]) => [path.join('.'), value]))
  for (const [path, value] of leaves(immutable(config))) {
    const name = path.join('.')
    const origin = config.chosen?.get(name)
    if (origin === undefined || values.get(name) === value) continue
    throw new Fatal(
      `stream ${entry.stream} was made with ${name} = ${JSON.stringify(values.get(name)) ?? 'unset'}, not ` +
        `${JSON.stringify(value)} (${origin}), and its settings never change: choose another stream with --stream, or ` +
        `set ${name} back`,
    )
  }
  const adopted = { ...structuredClone({ ...config, chosen: undefined }), chosen: config.chosen } as Config
  for (const [path, value] of theirs) put(adopted, path, value)
  return adopted
}

/** The prompt of a dataset: its own, or the default. */
export const promptFor =
  (config: Config) =>
  (dataset: string): PromptTemplate =>
    (Object.hasOwn(config.prompts, dataset) ? config.prompts[dataset] : undefined) ?? config.prompts.default
