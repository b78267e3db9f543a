/** Rows of training data as a Parquet file, for trainers that read no JSON Lines. */
import { parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer'

/** A column of texts or numbers, one a row, or a list of them a row. */
export type ColumnType = 'text' | 'number' | 'texts' | 'numbers'
export type Columns = Readonly<Record<string, ColumnType>>
export type Row = Readonly<Record<string, unknown>>

const leaf = (name: string, type: ColumnType): SchemaElement => ({
  ...(type.startsWith('text') ? { type: 'BYTE_ARRAY', converted_type: 'UTF8' } : { type: 'DOUBLE' }),
  ...{ name, repetition_type: 'REQUIRED' },
})

/** A list in the three levels that every Parquet reader knows. */
const column = (name: string, type: ColumnType): SchemaElement[] =>
  type.endsWith('s')
    ? [
        { name, repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        leaf('element', type),
      ]
    : [leaf(name, type)]

/** A whole file, snappy-compressed. Every row has every column. */
export const parquetOf = (rows: readonly Row[], columns: Columns): Buffer => {
  const entries = Object.entries(columns)
  const root: SchemaElement = { name: 'root', num_children: entries.length }
  const schema = [root, ...entries.flatMap(([name, type]) => column(name, type))]
  const columnData = entries.map(([name]) => ({ name, data: rows.map((row) => row[name]) }))
  return Buffer.from(parquetWriteBuffer({ columnData, schema }))
}
