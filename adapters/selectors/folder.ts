/** A selector is a folder: selector.json, and the files whose sha256 it holds. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { SelectorSettings } from '../../method/selector.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { SelectorIdentity } from '../../schemas/context.ts'
import { writeBytes } from '../files/index.ts'
import { sha256 } from '../onnx/folder.ts'
import { checkedSettings } from './settings.ts'

export interface SelectorFolder {
  /** Absolute. */
  readonly path: string
  readonly settings: SelectorSettings
  /** Its sha256 is that of selector.json's bytes, which hold those of all other files. */
  readonly identity: SelectorIdentity
}

const manifest = 'selector.json'
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const bytesOf = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file)
  } catch (error) {
    throw new Fatal(`${file} cannot be read (${sentence(error)}); a selector is a folder that holds it`, {
      cause: error,
    })
  }
}

const parsed = (file: string, bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Fatal(`${file} is no JSON (${sentence(error)}); bring the whole folder once more`, { cause: error })
  }
}

const checkFile = async (path: string, name: string, expected: string): Promise<void> => {
  const found = await sha256(join(path, name)).catch((error: Error) => {
    throw new Fatal(`${join(path, name)} cannot be read (${sentence(error.cause)}); bring the whole folder once more`, {
      cause: error,
    })
  })
  if (found !== expected)
    throw new Fatal(
      `${join(path, name)} is not the file that ${manifest} names (sha256 ${found.slice(0, 12)}…, not ` +
        `${expected.slice(0, 12)}…); bring the whole folder once more`,
    )
}

/**
 * Reads selector.json field by field, and compares every file with its hash.
 * @throws Fatal with a sentence that names the file or the field, and what to do
 */
export const readSelector = async (folder: string): Promise<SelectorFolder> => {
  const path = resolve(folder)
  const file = join(path, manifest)
  const bytes = await bytesOf(file)
  const settings = checkedSettings(file, parsed(file, bytes))
  for (const [name, expected] of Object.entries(settings.sha256)) await checkFile(path, name, expected)
  return { path, settings, identity: { name: settings.name, sha256: hashOf(bytes) } }
}

/**
 * Makes the folder, whole or not at all. Hashes are computed here.
 * @param files by name, beside selector.json
 * @throws Fatal where something is there already: a selector that a record names never changes
 */
export const writeSelector = async (
  folder: string,
  settings: Omit<SelectorSettings, 'sha256' | 'format'>,
  files: Readonly<Record<string, Uint8Array>> = {},
): Promise<SelectorFolder> => {
  const path = resolve(folder)
  const aside = join(dirname(path), `.${randomUUID().slice(0, 8)}.partial`)
  const entries = Object.entries(files)
  const hashes = Object.fromEntries(entries.map(([name, bytes]) => [name, hashOf(bytes)]))
  const whole = checkedSettings(join(path, manifest), { format: 1, ...settings, sha256: hashes })
  try {
    await mkdir(aside, { recursive: true })
    for (const [name, bytes] of entries) await writeBytes(join(aside, name), Buffer.from(bytes))
    await writeBytes(join(aside, manifest), Buffer.from(`${JSON.stringify(whole, null, 2)}\n`))
    await rename(aside, path)
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    const there = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
    if (there)
      throw new Fatal(`${path} is there already; a selector never changes: name another folder`, { cause: error })
    throw error
  }
  return readSelector(path)
}
