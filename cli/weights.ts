/** Folders of selectors, as far as an evaluation must know them before anything is loaded. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SelectorSettings } from '../method/selector.ts'
import { Fatal, sentence } from '../runtime/errors.ts'
import { table } from '../runtime/table.ts'
import { selectors } from '../topics/index.ts'
import type { World } from './world.ts'

export interface Weights {
  readonly folder: string
  readonly name: string
  /** Of selector.json, which names the files of the folder by theirs. */
  readonly sha256: string
  readonly minScore: number | null
}

/** @throws Fatal for a folder that holds no selector; whether its files are whole is seen when they are loaded */
export const weightsIn = (folder: string): Weights => {
  const file = join(folder, 'selector.json')
  try {
    const bytes = readFileSync(file)
    const { name, min_score: minScore } = JSON.parse(bytes.toString()) as SelectorSettings
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { folder: resolve(folder), name, sha256, minScore: minScore ?? null }
  } catch (error) {
    throw new Fatal(`${folder} is no selector: ${file} cannot be read (${sentence(error)})`)
  }
}

/** The selector in force in this world's stream, where its folder is one of this machine. */
export const weightsInForce = async ({ log, codec, names }: World): Promise<Weights | undefined> => {
  const topic = names.topic(selectors)
  if (!(await log.describe(topic))) return undefined
  const entries = table(log, topic)
  await entries.refresh()
  const bytes = entries.get(`${names.stream}/current`)
  if (!bytes) return undefined
  const { uri } = await codec.decode(selectors, bytes)
  if (!uri.startsWith('file:')) throw new Fatal(`the selector in force lies at ${uri}: name its folder with --selector`)
  return weightsIn(fileURLToPath(uri))
}
