/** A collection's manifest, as properties of the collection: each part is one, so that two can be changed at once. */
import type { CollectionManifest } from '../../method/ports.ts'

const prefix = 'gainstream.'
const parts = ['encoder', 'state', 'corpus', 'loaded', 'made_at'] as const satisfies (keyof CollectionManifest)[]

export type Properties = Readonly<Record<string, string>>

/** Of those that are given. */
export const propertiesOf = (manifest: Partial<CollectionManifest>): Record<string, string> =>
  Object.fromEntries(
    parts.flatMap((part) => (manifest[part] === undefined ? [] : [[prefix + part, JSON.stringify(manifest[part])]])),
  )

/** Under which name the collection is one of several. */
export const ofAlias = (alias: string): Properties => ({ [`${prefix}alias`]: alias })

export interface Noted {
  readonly alias: string
  readonly manifest: CollectionManifest
}

/** Undefined where the collection is somebody else's. */
export const notedIn = (pairs: readonly { key: string | number; value: unknown }[]): Noted | undefined => {
  const found = new Map(pairs.map(({ key, value }) => [String(key), String(value)]))
  const alias = found.get(`${prefix}alias`)
  if (alias === undefined) return undefined
  const read = parts.map((part) => [part, JSON.parse(found.get(prefix + part) ?? 'null') as unknown])
  return { alias, manifest: Object.fromEntries(read) as CollectionManifest }
}
