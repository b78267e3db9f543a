/** Folders of selectors, as far as an evaluation must know them before anything is loaded. */
import { fetchFolder } from '../adapters/artifacts.ts'
import { readSelector } from '../adapters/selectors/index.ts'
import { cacheOf } from './selectors.ts'
import { knownSelectors } from './selectors/entries.ts'
import type { World } from './world.ts'

export interface Weights {
  readonly folder: string
  readonly name: string
  /** Of selector.json, which names the files of the folder by theirs. */
  readonly sha256: string
  readonly minScore: number | null
}

/** @throws Fatal for a folder that holds no selector, or not the files that it names */
export const weightsIn = async (folder: string): Promise<Weights> => {
  const { path, settings, identity } = await readSelector(folder)
  return { folder: path, name: identity.name, sha256: identity.sha256, minScore: settings.min_score }
}

/** The selector in force in this world's stream; undefined where none was promoted. @throws Fatal or Unavailable */
export const weightsInForce = async (world: World, signal: AbortSignal): Promise<Weights | undefined> => {
  const { current } = await knownSelectors(world)
  if (!current || current.sha256 === '') return undefined
  const { uri, sha256 } = current
  const { folder } = await fetchFolder({ uri, sha256, list: 'selector.json', cache: cacheOf(world.config), signal })
  return weightsIn(folder)
}
