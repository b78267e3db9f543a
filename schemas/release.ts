/**
 * Writes `released/<record>.v<n>.avsc` for each record that has changed since its last release; run it with
 * `node schemas/release.ts` after changing a schema, and commit what it writes. A version that was released is never
 * written again, except that its descriptions follow the constants.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { incompatibility } from './compatibility.ts'
import { records } from './index.ts'
import { defineOnce } from './names.ts'
import { typeOf } from './type.ts'

export interface Release {
  readonly file: string
  readonly version: number
  readonly schema: object
}

/** How to go on after a change: the end of a sentence. */
export const howToRelease = 'run `node schemas/release.ts` and commit the file that it writes'

/** The releases of a record, oldest first. */
export const releases = (name: string, folder: URL): Release[] => {
  const pattern = new RegExp(`^${name}\\.v(\\d+)\\.avsc$`)
  return (existsSync(folder) ? readdirSync(folder) : [])
    .flatMap((file) => {
      const version = pattern.exec(file)?.[1]
      if (version === undefined) return []
      const schema = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as object
      return [{ file, version: Number(version), schema }]
    })
    .sort((a, b) => a.version - b.version)
}

/** What two versions must share to be the same: everything but descriptions. */
export const shape = (schema: object): string =>
  JSON.stringify(defineOnce(schema), (key, value: unknown) => (key === 'doc' ? undefined : value))

/**
 * Why a schema may not follow these releases: every version must read every other one (FULL_TRANSITIVE), so that
 * workers of two versions can run side by side and any record ever written can be replayed. `undefined` when it may.
 */
export const conflict = (name: string, schema: object, released: readonly Release[]): string | undefined => {
  for (const { file, schema: before } of released) {
    const forward = incompatibility(typeOf(schema), typeOf(before))
    if (forward) return `${name} cannot read what was written as ${file}: ${forward}`
    const backward = incompatibility(typeOf(before), typeOf(schema))
    if (backward) return `a worker that knows ${file} cannot read ${name} any more: ${backward}`
  }
  return undefined
}

/** Writes what is to be released; says what it wrote. @throws Error when a schema may not follow its releases. */
export const release = (schemas: Readonly<Record<string, object>>, folder: URL): string[] => {
  const pending = Object.entries(schemas).flatMap(([name, schema]) => {
    const before = releases(name, folder)
    const wrong = conflict(name, schema, before)
    if (wrong) throw new Error(`${wrong}; give an added field a default, and take nothing away that has none`)
    const newest = before.at(-1)
    const version = newest && shape(newest.schema) === shape(schema) ? newest.version : (newest?.version ?? 0) + 1
    return [{ file: `${name}.v${version}.avsc`, text: `${JSON.stringify(defineOnce(schema), null, 2)}\n` }]
  })
  const changed = pending.filter(({ file, text }) => current(new URL(file, folder)) !== text)
  for (const { file, text } of changed) writeFileSync(new URL(file, folder), text)
  return changed.map(({ file }) => file)
}

const current = (file: URL) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const written = release(records, new URL('./released/', import.meta.url))
  console.log(written.length ? `released ${written.join(', ')}` : 'nothing has changed since the last release')
}
