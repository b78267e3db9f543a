/**
 * A graph on disk: what the library wrote, then what it stands for, then how long that is. It is written aside and
 * renamed, so a name that is there holds all of it; it is read only where every byte is as it was written, because the
 * library takes what it reads on trust.
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface About {
  /** Which store's vectors: a file of the same name may be another one. */
  readonly store: string
  readonly kind: string
  readonly dimension: number
  /** All passages up to this change number are in it. */
  readonly position: number
  readonly size: number
}

interface Footer extends About {
  readonly bytes: number
  readonly sha256: string
}

/** The end of a file: four letters, and how long the text before them is. */
const tail = 8
const letters = 'gsng'

const readAt = (file: number, from: number, length: number): Buffer => {
  const buffer = Buffer.alloc(length)
  return buffer.subarray(0, readSync(file, buffer, 0, length, from))
}

const hashOf = (file: number, bytes: number): string => {
  const hash = createHash('sha256')
  const step = 1 << 22
  for (let at = 0; at < bytes; at += step) hash.update(readAt(file, at, Math.min(step, bytes - at)))
  return hash.digest('hex')
}

const within = <T>(path: string, flags: string, use: (file: number) => T): T => {
  const file = openSync(path, flags)
  try {
    return use(file)
  } finally {
    closeSync(file)
  }
}

const footerOf = (path: string): Footer | undefined => {
  try {
    return within(path, 'r', (file) => {
      const { size } = statSync(path)
      const end = readAt(file, size - tail, tail)
      if (end.toString('latin1', 4) !== letters) return undefined
      const length = end.readUInt32LE(0)
      return JSON.parse(readAt(file, size - tail - length, length).toString()) as Footer
    })
  } catch {
    return undefined
  }
}

/** What the file stands for; undefined where there is none, or it ends as none of ours does. */
export const savedAbout = (path: string): About | undefined => footerOf(path)

/** What `load` took in, whole and as it was written; it is not called for a file that is not. */
export const loadSaved = (path: string, load: (path: string) => void): About | undefined => {
  for (let attempt = 0; attempt < 3; attempt++) {
    const footer = footerOf(path)
    if (!footer || within(path, 'r', (file) => hashOf(file, footer.bytes)) !== footer.sha256) return undefined
    load(path)
    // Otherwise another process has put a newer one in its place in between.
    if (footerOf(path)?.sha256 === footer.sha256) return footer
  }
  return undefined
}

/** Leftovers of processes that died while they wrote, from an hour ago or before. */
const tidy = (path: string) => {
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${basename(path)}.`)) continue
    const age = Date.now() - (statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > 3_600_000) rmSync(join(folder, name), { force: true })
  }
}

const sync = (path: string) => within(path, 'r', fsyncSync)

/** On disk when it returns. */
export const save = (path: string, about: About, write: (path: string) => void): void => {
  const aside = `${path}.${randomUUID()}`
  try {
    write(aside)
    const bytes = statSync(aside).size
    const footer: Footer = { ...about, bytes, sha256: within(aside, 'r', (file) => hashOf(file, bytes)) }
    const text = Buffer.from(JSON.stringify(footer))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(text.length)
    appendFileSync(aside, Buffer.concat([text, length, Buffer.from(letters, 'latin1')]))
    sync(aside)
    renameSync(aside, path)
    if (process.platform !== 'win32') sync(dirname(path))
  } finally {
    rmSync(aside, { force: true })
  }
  tidy(path)
}
