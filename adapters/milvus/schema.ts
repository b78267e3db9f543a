/** A collection's fields, and passages as its rows. */
import { DataType, FunctionType } from '@zilliz/milvus2-sdk-node'
import type { Passage } from '../../schemas/passage.ts'
import type { PassageRow } from '../../method/ports.ts'
import { Rejected } from '../../runtime/errors.ts'
import { termsOf } from '../store/terms.ts'

/** Milvus's limit of a text, in bytes. */
const longest = 65_535
const longestId = 2_048

export const dense = 'dense'
export const sparse = 'sparse'
export const told = ['id', 'title', 'text']

/**
 * What is matched is a field of its own: the terms of title and text, made here as the embedded store makes them, so
 * that both find the same. All that is left to Milvus's analyzer is to split them at blanks.
 */
export const fieldsOf = (dimension: number) => [
  { name: 'id', data_type: DataType.VarChar, is_primary_key: true, max_length: longestId },
  { name: 'title', data_type: DataType.VarChar, max_length: longest },
  { name: 'text', data_type: DataType.VarChar, max_length: longest },
  {
    ...{ name: 'terms', data_type: DataType.VarChar, max_length: longest },
    ...{ enable_analyzer: true, analyzer_params: { tokenizer: 'standard' } },
  },
  { name: dense, data_type: DataType.FloatVector, dim: dimension },
  { name: sparse, data_type: DataType.SparseFloatVector },
]

export const functions = [
  {
    ...{ name: 'bm25', type: FunctionType.BM25, params: {} },
    ...{ input_field_names: ['terms'], output_field_names: [sparse] },
  },
]

export const matched = (text: string) => termsOf(text).join(' ')

export interface Row {
  readonly id: string
  readonly title: string
  readonly text: string
  readonly terms: string
  readonly dense: Float32Array
}

export const bytesOf = ({ id, title, text, terms, dense }: Row) =>
  id.length + title.length + text.length + terms.length + 4 * dense.length

const checkLength = (what: string, of: string, text: string, most: number) => {
  if (text.length * 3 <= most) return
  const bytes = Buffer.byteLength(text)
  if (bytes > most)
    throw new Rejected(`the ${what} of passage ${of.slice(0, 100)} has ${bytes} bytes; Milvus takes ${most} at most`)
}

/** @throws Rejected where a text is longer than Milvus takes, or the vector is none of this collection's */
export const rowOf = ({ passage: { id, title, text }, vector }: PassageRow, dimension: number): Row => {
  if (id === '') throw new Rejected('a passage without an id cannot be stored')
  const terms = matched(`${title} ${text}`)
  checkLength('id', id, id, longestId)
  checkLength('title', id, title, longest)
  checkLength('text', id, text, longest)
  checkLength('list of terms', id, terms, longest)
  checkVector(`passage ${id}`, vector, dimension)
  return { id, title, text, terms, dense: vector }
}

export const checkVector = (of: string, vector: Float32Array, dimension: number) => {
  if (vector.length !== dimension)
    throw new Rejected(`the vector of ${of} has ${vector.length} numbers; this store holds vectors of ${dimension}`)
  if (!vector.every(Number.isFinite))
    throw new Rejected(`the vector of ${of} holds a value that is not a finite number`)
}

export const passageOf = ({ id, title, text }: Record<string, unknown>): Passage => ({
  ...{ id: String(id), title: String(title), text: String(text) },
})

/** Milvus and Milvus Lite know these escapes both, and no other; the SDK would put ids between quotes as they are. */
const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const quoted = (text: string) => `"${text.replace(/["\\\n\r\t]/g, (one) => escapes[one] ?? one)}"`

/** The filter that these ids pass. */
export const among = (ids: readonly string[]) => `id in [${ids.map(quoted).join(', ')}]`
