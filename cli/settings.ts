import { createHash } from 'node:crypto'
import type { PromptTemplate } from '../method/prompt.ts'
import { Fatal } from '../runtime/errors.ts'
import type { StreamEntry } from '../schemas/control.ts'
import { contentOf, type Config } from './config.ts'

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

/** JSON with sorted keys, and the first 16 hexadecimal digits of its sha256. */
export const manifest = (config: Config): { settings: string; hash: string } => {
  const models = { encoder: config.encoder.model, reader: config.reader.model, context: config.reader.context }
  const settings = JSON.stringify(sorted({ ...contentOf(config), models }))
  return { settings, hash: createHash('sha256').update(settings).digest('hex').slice(0, 16) }
}

const leaves = (value: unknown, at = ''): [string, string][] =>
  value !== null && typeof value === 'object'
    ? Object.entries(value).flatMap(([key, each]) => leaves(each, at === '' ? key : `${at}.${key}`))
    : [[at, JSON.stringify(value)]]

/** A stream's settings never change. @throws Fatal that names the first one that differs. */
export const sameSettings = (config: Config, entry: StreamEntry): void => {
  const { settings, hash } = manifest(config)
  if (hash === entry.hash) return
  const was = new Map(leaves(JSON.parse(entry.settings)))
  const changed = leaves(JSON.parse(settings)).find(([key, value]) => was.get(key) !== value)
  const [key, value] = changed ?? ['a setting', 'removed']
  throw new Fatal(
    `stream ${entry.stream} was made with ${key} = ${was.get(key) ?? 'unset'}, not ${value}: its settings never change. ` +
      `Choose another stream with --stream, or set ${key} back`,
  )
}

/** The prompt of a dataset: its own, or the default. */
export const promptFor =
  (config: Config) =>
  (dataset: string): PromptTemplate =>
    config.prompts[dataset] ?? config.prompts.default
