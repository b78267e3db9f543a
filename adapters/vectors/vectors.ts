/** Vectors that somebody computed already, out of files: `.npy`, `.fvecs`, Parquet, pickled shards. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'
import { headOf } from '../files/rows.ts'
import { trouble } from '../files/trouble.ts'
import { openFvecs } from './fvecs.ts'
import { openNpy } from './npy.ts'
import { openParquetVectors } from './parquet.ts'
import { openShards } from './shards.ts'

/** Consecutive rows: at most some 4 MB of numbers, of a Parquet file a row group. */
export interface VectorBlock {
  /** Which row of the whole the first one is; 0 is the first. */
  readonly from: number
  readonly rows: number
  /** Finite numbers, row after row: rows × dimension. */
  readonly vectors: Float32Array
  /** One a row, where the files hold ids. Without them the order is that of the corpus. */
  readonly ids?: readonly string[]
}

/** A file, or the files of a folder one after the other. Nothing is held open between two reads of `blocks`. */
export interface Vectors {
  readonly path: string
  readonly rows: number
  readonly dimension: number
  readonly hasIds: boolean
  /** @throws Fatal with file and row: a number that is none, a file that became shorter, an id that is missing */
  blocks(from?: number, signal?: AbortSignal): AsyncGenerator<VectorBlock>
}

/** What each kind of file is opened as: rows count within the file. */
export type VectorFile = Vectors

type Kind = 'npy' | 'fvecs' | 'parquet' | 'pickle'

/** By its first bytes. An `.fvecs` file has no mark of its own: it begins with a believable dimension. */
const kindOf = (path: string): Kind => {
  const head = headOf(path, 8)
  const start = head.toString('latin1')
  if (start.startsWith('\x93NUMPY')) return 'npy'
  if (start.startsWith('PAR1')) return 'parquet'
  if (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5) return 'pickle'
  const dimension = head.length === 8 ? head.readInt32LE(0) : 0
  if (dimension >= 1 && dimension <= 65_536) return 'fvecs'
  throw new Fatal(`${path} holds no vectors that can be read; .npy, .fvecs, Parquet and pickled shards of ids can`)
}

const open = async (paths: readonly string[], signal?: AbortSignal): Promise<VectorFile[]> => {
  const [first, ...others] = paths.map((path) => ({ path, kind: kindOf(path) }))
  const other = others.find(({ kind }) => kind !== first?.kind)
  if (first && other)
    throw new Fatal(`${first.path} and ${other.path} are of different kinds; keep one kind in a folder`)
  if (first?.kind === 'pickle') return openShards(paths, signal)
  const openOne = { npy: openNpy, fvecs: openFvecs, parquet: openParquetVectors }[first?.kind ?? 'npy']
  return Promise.all(paths.map((path) => openOne(path)))
}

/** `passages_2` comes before `passages_10`. */
const natural = new Intl.Collator('en', { numeric: true })

const filesOf = async (path: string): Promise<string[]> => {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const entries = await readdir(path, { withFileTypes: true })
    const names = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name)
    if (names.length === 0) throw new Fatal(`${path} is an empty folder; it needs at least one file of vectors`)
    return names.toSorted(natural.compare).map((name) => join(path, name))
  } catch (error) {
    throw trouble(path, error)
  }
}

/**
 * Opens a file of vectors, or a folder of them (in natural order of their names), known by content.
 *
 * @throws Fatal with a sentence: missing, of no kind that is known, damaged, of several dimensions, not to be trusted
 */
export const openVectors = async (path: string, options: { signal?: AbortSignal } = {}): Promise<Vectors> => {
  const files = await open(await filesOf(path), options.signal)
  const [first, ...others] = files
  if (!first) throw new Fatal(`${path} holds no vectors`)
  for (const other of others) {
    if (other.dimension !== first.dimension)
      throw new Fatal(`${other.path} has vectors of ${other.dimension} numbers, ${first.path} of ${first.dimension}`)
    if (other.hasIds !== first.hasIds)
      throw new Fatal(`one of ${first.path} and ${other.path} has ids and the other has none; both or neither must`)
  }
  const { dimension, hasIds } = first
  const rows = files.reduce((sum, file) => sum + file.rows, 0)
  return { path, rows, dimension, hasIds, blocks: (from = 0, signal) => through(files, from, signal) }
}

async function* through(files: readonly VectorFile[], from: number, signal?: AbortSignal): AsyncGenerator<VectorBlock> {
  let before = 0
  for (const file of files) {
    if (from < before + file.rows)
      for await (const block of file.blocks(Math.max(0, from - before), signal))
        yield { ...block, from: before + block.from }
    before += file.rows
  }
}
