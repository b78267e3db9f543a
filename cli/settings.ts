import { createHash } from 'node:crypto'
import type { PromptTemplate } from '../method/prompt.ts'
import { Fatal } from '../runtime/errors.ts'
import type { StreamEntry } from '../schemas/control.ts'
import { contentOf, put, type Config } from './config.ts'

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
export const immutable = (config: Config) => ({
  ...contentOf(config),
  encoder: { model: config.encoder.model },
  reader: { model: config.reader.model, context: config.reader.context },
})

/** JSON with sorted keys, and the first 16 hexadecimal digits of its sha256. */
export const manifest = (config: Config): { settings: string; hash: string } => {
  const settings = JSON.stringify(sorted(immutable(config)))
  return { settings, hash: createHash('sha256').update(settings).digest('hex').slice(0, 16) }
}

export type Leaf = readonly [path: readonly string[], value: unknown]

/** Each single setting of a tree of them. */
export const leaves = (value: unknown, at: readonly string[] = []): Leaf[] =>
  value !== null && typeof value === 'object'
    ? Object.entries(value).flatMap(([key, each]) => leaves(each, [...at, key]))
    : [[at, value]]

/**
 * The configuration as an existing stream has it: what nobody chose is taken from the stream.
 * @throws Fatal that names the first chosen setting that differs: a stream's settings never change.
 */
export const asStream = (config: Config, entry: StreamEntry): Config => {
  const theirs = leaves(JSON.parse(entry.settings))
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
