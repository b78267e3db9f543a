import { Fatal } from '../../runtime/errors.ts'
import { openParquet, plain } from '../files/rows.ts'
import { checkFinite } from './numbers.ts'
import type { VectorFile } from './vectors.ts'

const vectorColumns = ['vector', 'embedding', 'embeddings'] as const
const idColumns = ['id', '_id'] as const

/** Of a row group: while its lists are put together they take some 50 bytes a number, 2 GB for so many. */
const mostNumbers = 40_000_000

const idOf = (path: string, value: unknown, row: number): string => {
  const id = plain(value)
  if ((typeof id === 'string' && id.trim() !== '') || typeof id === 'number') return String(id)
  throw new Fatal(`${path} row ${row}: the id is missing or no text`)
}

/** A list of numbers a row in a column `vector` or `embedding`, and where there is one, a column `id`. */
export const openParquetVectors = async (path: string, most = mostNumbers): Promise<VectorFile> => {
  const file = await openParquet(path)
  const column = vectorColumns.find((name) => file.columns.includes(name))
  if (column === undefined)
    throw new Fatal(`${path} has no column ${vectorColumns.join(' or ')}; it has ${file.columns.join(', ')}`)
  const id = idColumns.find((name) => file.columns.includes(name))
  const dimension = file.values(column) / file.rows
  if (!Number.isInteger(dimension) || dimension === 0)
    throw new Fatal(`${path}: the lists in ${column} are not all of one length; each must hold one vector`)
  if (file.largest * dimension > most)
    throw new Fatal(
      `${path} has a row group of ${file.largest} rows; write it with at most ${Math.floor(most / dimension)} rows a group`,
    )
  const blocks: VectorFile['blocks'] = async function* (from = 0, signal) {
    const columns = id === undefined ? [column] : [column, id]
    for await (const { start, rows } of file.read(columns, from)) {
      signal?.throwIfAborted()
      const vectors = new Float32Array(rows.length * dimension)
      rows.forEach((cells, i) => place(vectors, cells[column], i, `${path} row ${start + i + 1}`))
      checkFinite(path, vectors, dimension, start)
      const ids = id === undefined ? {} : { ids: rows.map((cells, i) => idOf(path, cells[id], start + i + 1)) }
      yield { from: start, rows: rows.length, vectors, ...ids }
    }
  }
  const place = (vectors: Float32Array, value: unknown, i: number, where: string) => {
    const list = value as ArrayLike<unknown> | null | undefined
    if (list?.length !== dimension)
      throw new Fatal(`${where}: this vector has ${list?.length ?? 'no'} numbers instead of ${dimension}`)
    for (let at = 0; at < dimension; at++) {
      const number = list[at]
      if (typeof number !== 'number')
        throw new Fatal(`${where}: number ${at + 1} of this vector is missing or no number`)
      vectors[i * dimension + at] = number
    }
  }
  return { path, rows: file.rows, dimension, hasIds: id !== undefined, blocks }
}
