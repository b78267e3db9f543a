/**
 * Folders that are found by address and known by content: one file names all others with their sha256, and its own is
 * that of the folder. What was fetched once is kept, and checked again whenever it is used.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Fatal } from '../runtime/errors.ts'
import { trouble } from './files/trouble.ts'
import { sourceOf, type Source } from './artifact-source.ts'

export interface Artifact {
  /** Where the folder lies: file: or https:. Empty: only on this machine, if it was fetched before. */
  readonly uri: string
  /** Of `list`; undefined: whatever it is found to be. */
  readonly sha256?: string | undefined
  /** The file that names the others, as a JSON object under `sha256`. */
  readonly list: string
  /** Folder in which fetched ones are kept, each under its sha256. */
  readonly cache: string
  readonly signal: AbortSignal
}

export interface Fetched {
  readonly folder: string
  readonly sha256: string
}

const short = (sha256: string) => `${sha256.slice(0, 12)}…`

const other = (where: string, found: string, wanted: string) =>
  new Fatal(`${where} has other content than it should (sha256 ${short(found)}, not ${short(wanted)}): restore it`)

/** Copies one file, and says what its bytes hash to. */
const copied = async (source: Source, name: string, to: string, signal: AbortSignal): Promise<string> => {
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const from = await source.open(name, signal)
  try {
    await pipeline(from, hashing, createWriteStream(to), { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw source.failure(name, error)
  }
  return hash.digest('hex')
}

/** The names and hashes in a list. Names of files only: nothing is written outside the folder. */
const listed = async (path: string, where: string, list: string): Promise<[string, string][]> => {
  const text = await readFile(path, 'utf8')
  let files: unknown
  try {
    files = (JSON.parse(text) as { sha256?: unknown } | null)?.sha256
  } catch {
    throw new Fatal(`${where} is not JSON: name the folder that holds it whole`)
  }
  if (files === null || typeof files !== 'object') throw new Fatal(`${where} names no files under sha256`)
  const entries = Object.entries(files as Record<string, unknown>)
  for (const [name, hash] of entries) {
    const isFile = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name) && name !== list
    if (!isFile || typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash))
      throw new Fatal(`${where} names ${JSON.stringify(name)} under sha256, which is no file with its hash`)
  }
  return entries as [string, string][]
}

/** All files of a folder into another one. @throws Fatal for content that is not what it should be; Unavailable */
const copyAll = async (artifact: Artifact, source: Source, to: string): Promise<string> => {
  const { list, sha256: wanted, signal } = artifact
  const found = await copied(source, list, join(to, list), signal)
  if (wanted !== undefined && found !== wanted) throw other(source.where(list), found, wanted)
  for (const [name, hash] of await listed(join(to, list), source.where(list), list)) {
    const theirs = await copied(source, name, join(to, name), signal)
    if (theirs !== hash) throw other(source.where(name), theirs, hash)
  }
  return found
}

const hashOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Is what is kept under a hash still that? */
const isWhole = async (folder: string, { list }: Artifact, sha256: string): Promise<boolean> => {
  try {
    if ((await hashOf(join(folder, list))) !== sha256) return false
    for (const [name, hash] of await listed(join(folder, list), folder, list))
      if ((await hashOf(join(folder, name))) !== hash) return false
    return true
  } catch {
    return false
  }
}

/** Somebody may be reading it: what is open stays readable, under no name. */
const discard = async (folder: string, aside: string) => {
  await rename(folder, aside).catch(() => {})
  await rm(aside, { recursive: true, force: true })
}

const partial = '.part'

/** What processes that were killed had not fetched to the end. */
const sweep = async (cache: string) => {
  for (const name of await readdir(cache)) {
    if (!name.endsWith(partial)) continue
    const path = join(cache, name)
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (age > 24 * 3600 * 1000) await rm(path, { recursive: true, force: true })
  }
}

const fetched = async (artifact: Artifact, aside: string): Promise<Fetched> => {
  const { uri, cache } = artifact
  await mkdir(aside, { recursive: true })
  await sweep(cache)
  const sha256 = await copyAll(artifact, sourceOf(uri), aside)
  const folder = join(cache, sha256)
  try {
    await rename(aside, folder)
  } catch (error) {
    if (await isWhole(folder, artifact, sha256)) return { folder, sha256 } // another process was first
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    await discard(folder, join(cache, `${randomUUID()}${partial}`))
    await rename(aside, folder)
  }
  return { folder, sha256 }
}

/**
 * The folder on this machine, whole and checked.
 * @throws Fatal with the sentence for an address or a content that will not do; Unavailable
 */
export const fetchFolder = async (artifact: Artifact): Promise<Fetched> => {
  const { uri, sha256, cache } = artifact
  const aside = join(cache, `${randomUUID()}${partial}`)
  if (sha256 !== undefined) {
    const folder = join(cache, sha256)
    if (await isWhole(folder, artifact, sha256)) return { folder, sha256 }
    await discard(folder, aside)
    if (uri === '')
      throw new Fatal(`nobody has said here where ${short(sha256)} lies: name its folder, or promote it once`)
  }
  try {
    return await fetched(artifact, aside)
  } catch (error) {
    throw trouble(cache, error)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}
