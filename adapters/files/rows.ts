/** The rows of a Parquet file, one row group in memory at a time. */
import { isUtf8 } from 'node:buffer'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { Fatal, Rejected, sentence } from '../../runtime/errors.ts'
import { trouble } from './trouble.ts'

/** The first bytes of a file; none of what is no file: a pipe gives them once. @throws Fatal when it cannot be opened. */
export const headOf = (path: string, bytes: number): Buffer => {
  try {
    if (!statSync(path).isFile()) return Buffer.alloc(0)
    const file = openSync(path, 'r')
    try {
      const head = Buffer.alloc(bytes)
      return head.subarray(0, readSync(file, head, 0, bytes, 0))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw trouble(path, error)
  }
}

/** Whether a file says that it is a Parquet file. @throws Fatal when it cannot be opened. */
export const isParquet = (path: string): boolean => headOf(path, 4).toString('latin1') === 'PAR1'

type Cells = Readonly<Record<string, unknown>>

export interface Parquet {
  readonly rows: number
  /** Names of the columns at the top. */
  readonly columns: readonly string[]
  readonly bytes: number
  /** Rows of the largest row group. */
  readonly largest: number
  /** How many values a column holds, counting those in its lists. */
  values(column: string): number
  /** Rows from `from` (0 is the first) on, in parts of at most a row group. Texts are bytes still: see `plain`. */
  read(columns: readonly string[], from?: number): AsyncGenerator<{ start: number; rows: Cells[] }>
}

/** Texts stay bytes until somebody wants them: a row group may hold a million. */
const parsers = { stringFromBytes: (bytes: Uint8Array) => bytes }

/** @throws Fatal with a sentence when it is damaged or cut short. */
export const openParquet = async (path: string): Promise<Parquet> => {
  const open = async () => {
    const file = await asyncBufferFromFile(path)
    return { file, metadata: await parquetMetadataAsync(file), bytes: (await stat(path)).size }
  }
  const { file, metadata, bytes } = await open().catch((error: unknown) => {
    throw damaged(path, error)
  })
  const read: Parquet['read'] = async function* (columns, from = 0) {
    let end = 0
    for (const group of metadata.row_groups) {
      const start = Math.max(end, from)
      end += Number(group.num_rows)
      if (start >= end) continue
      const part = { file, metadata, columns: [...columns], rowStart: start, rowEnd: end, compressors, parsers }
      const rows = await parquetReadObjects(part).catch((error: unknown) => {
        throw damaged(path, error)
      })
      if (rows.length !== end - start) throw damaged(path, new Error(`${rows.length} rows instead of ${end - start}`))
      yield { start, rows }
    }
  }
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name)
  const values = (column: string) =>
    metadata.row_groups
      .flatMap((group) => group.columns)
      .filter(({ meta_data }) => meta_data?.path_in_schema[0] === column)
      .reduce((sum, { meta_data }) => sum + Number(meta_data?.num_values ?? 0), 0)
  const largest = Math.max(0, ...metadata.row_groups.map((group) => Number(group.num_rows)))
  return { rows: Number(metadata.num_rows), columns, bytes, largest, values, read }
}

const damaged = (path: string, error: unknown): unknown => {
  const known = trouble(path, error)
  if (known !== error || error instanceof Fatal) return known
  return new Fatal(`${path} cannot be read as Parquet (${sentence(error)}); copy or download it again`, {
    cause: error,
  })
}

/** A cell as JSON would hold it: bytes as text, 64-bit numbers as they are written. @throws Rejected: not UTF-8. */
export const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return utf8(value)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

const utf8 = (bytes: Uint8Array): string => {
  if (!isUtf8(bytes)) throw new Rejected('a text is not UTF-8; write the file again from its source')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
