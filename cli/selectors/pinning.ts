/** Which selector a configuration names: content has a sha256, not a place. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'

/** The selector that was promoted last, whichever that is. */
export const follow = 'follow'

export const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

/** Folders that the configuration named, by the sha256 that stands in their place from then on. */
export type Folders = ReadonlyMap<string, string>

interface Select {
  readonly by: string
  readonly model: string | null
  readonly cascade: { readonly first: string | null; readonly narrow: number }
}

const sha256In = (folder: string, setting: string): string => {
  try {
    return createHash('sha256')
      .update(readFileSync(join(folder, 'selector.json')))
      .digest('hex')
  } catch (error) {
    const or = setting === 'select.model' ? `${follow}, a sha256` : 'a sha256'
    throw new Fatal(`the setting ${setting} names ${folder}, which holds no selector.json: give ${or}, or a selector's folder`, { cause: error }) // prettier-ignore
  }
}

/** The same settings with a sha256 in place of each folder. @throws Fatal for a folder that holds no selector */
export const pinned = <C extends { readonly select: Select; readonly folders?: Folders }>(config: C): C => {
  const folders = new Map(config.folders)
  const named = (given: string | null, setting: string) => {
    if (given === null || given === follow || isSha256(given)) return given
    const sha256 = sha256In(given, setting)
    folders.set(sha256, resolve(given))
    return sha256
  }
  const { by, model, cascade } = config.select
  const chosen = by === 'model' ? (named(model, 'select.model') ?? follow) : model
  const first = named(cascade.first, 'select.cascade.first')
  return { ...config, select: { ...config.select, model: chosen, cascade: { ...cascade, first } }, folders }
}
