import { parquetWriteBuffer, type ColumnSource, type SchemaElement } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { parquetOf, readPassages, readQueries } from '../../../adapters/files/index.ts'
import { Fatal, Rejected } from '../../../runtime/errors.ts'
import { collect, refusal, scratch } from './folder.ts'

const { file } = scratch()
const values = async <T>(source: AsyncIterable<{ value: T }>) => (await collect(source)).map(({ value }) => value)
const parquet = (columnData: ColumnSource[], schema?: SchemaElement[], rowGroupSize = 2) =>
  Buffer.from(parquetWriteBuffer({ columnData, ...(schema && { schema }), rowGroupSize }))

describe('a corpus in Parquet', () => {
  test('is read row group by row group, whatever its name and the order of its columns', async () => {
    const rows = Array.from({ length: 7 }, (_, i) => ({ id: String(i), title: i % 2 ? 'Ä' : '', text: `text ${i} 🙂` }))
    const column = (name: 'id' | 'title' | 'text') => ({ name, data: rows.map((row) => row[name]) })
    const at = file('corpus.jsonl', parquet([column('text'), column('id'), column('title')]))
    const read = await collect(readPassages(at))
    expect(read.map(({ value }) => value)).toEqual(rows)
    expect(read.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7])
    const positions = read.map(({ position }) => position)
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
    expect(positions[0]).toBeLessThan(positions.at(-1) ?? 0)
  })

  test('may have whole numbers for ids, contents for texts, and columns that are not read', async () => {
    const remarks: string[] = []
    const at = file('a', parquet([{ name: '_id', data: [1n, 2n], type: 'INT64' }, { name: 'contents', data: ['"T"\nx', 'y'] }, { name: 'source', data: ['a', 'b'] }])) // prettier-ignore
    expect(await values(readPassages(at, { onIgnored: (remark) => remarks.push(remark) }))).toEqual([
      { id: '1', title: 'T', text: 'x' },
      { id: '2', title: '', text: 'y' },
    ])
    expect(remarks).toEqual([`${at}: the field source is not read`])
  })

  test('of many row groups holds one of them at a time', async () => {
    const texts = Array.from({ length: 60_000 }, (_, i) => `${i} ${'word '.repeat(100)}`)
    const at = file('a', parquet([{ name: 'id', data: texts.map((_, i) => String(i)) }, { name: 'text', data: texts }], undefined, 1000)) // prettier-ignore
    let [count, most] = [0, 0]
    for await (const _ of readPassages(at)) {
      if (++count % 5000 === 0) {
        global.gc?.()
        most = Math.max(most, process.memoryUsage().arrayBuffers)
      }
    }
    expect(count).toBe(60_000)
    expect(most).toBeLessThan(25e6)
  })

  test('goes on after a row that cannot be read', async () => {
    const lines: number[] = []
    const at = file(
      'a',
      parquet([
        { name: 'id', data: ['a', 'b', 'c'] },
        { name: 'text', data: ['x', ' ', 'z'] },
      ]),
    )
    const read = await values(readPassages(at, { onRefused: (_, line) => lines.push(line) }))
    expect([read.map(({ id }) => id), lines]).toEqual([['a', 'c'], [2]])
  })

  const utf8: SchemaElement = { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }
  const bad: [string, () => Buffer, string][] = [
    ['an id twice', () => parquet([{ name: 'id', data: ['a', 'b', 'a'] }, { name: 'text', data: ['x', 'y', 'z'] }]), 'row 3: the id a was given to row 1 already; ids must differ'],
    ['a text that is missing', () => parquet([{ name: 'text', data: ['x', null] }], [{ name: 'root', num_children: 1 }, utf8]), 'row 2: the text of the passage is missing; give it as text or contents (this record has text)'],
    ['what is not UTF-8', () => { const content = parquet([{ name: 'text', data: ['pass', 'word'], codec: 'UNCOMPRESSED', encoding: 'PLAIN' }]); content[content.indexOf('word')] = 0xff; return content }, 'row 2: a text is not UTF-8; write the file again from its source'],
  ] // prettier-ignore
  test.each(bad)('with %s is refused', async (_name, make, words) => {
    const at = file('a', make())
    const error = await refusal(collect(readPassages(at)))
    expect(error).toBeInstanceOf(Rejected)
    expect(error.message).toBe(`${at} ${words}`)
  })

  test('without a column that can be read, cut short or damaged is refused as a whole', async () => {
    const whole = parquet([{ name: 'text', data: ['x'.repeat(500), 'y'] }])
    const other = file('a', parquet([{ name: 'body', data: ['x'] }]))
    const slip = file(
      'd',
      parquet([
        { name: 'text', data: ['x'] },
        { name: 'titel', data: ['y'] },
      ]),
    )
    expect((await refusal(collect(readPassages(slip)))).message).toBe(
      `${slip}: the field titel is unknown; did you mean title?`,
    )
    const cut = file('b', whole.subarray(0, whole.length - 9))
    const torn = Buffer.from(whole)
    torn.fill(0xee, 4, 40)
    const damaged = file('c', torn)
    const errors = await Promise.all([other, cut, damaged].map((at) => refusal(collect(readPassages(at)))))
    errors.forEach((error) => expect(error).toBeInstanceOf(Fatal))
    expect(errors[0]?.message).toBe(`${other} has no column that can be read; it has body`)
    expect(errors[1]?.message).toMatch(/b cannot be read as Parquet \(.+\); copy or download it again$/)
    expect(errors[2]?.message).toMatch(/c cannot be read as Parquet \(.+\); copy or download it again$/)
  })
})

describe('queries in Parquet', () => {
  test('have FlashRAG’s columns', async () => {
    const rows = [
      { id: 'test_0', question: 'who?', golden_answers: ['Kent', 'Albany'] },
      { id: 'test_1', question: 'Ü?', golden_answers: [] },
    ]
    const at = file('a', parquetOf(rows, { id: 'text', question: 'text', golden_answers: 'texts' }))
    expect((await values(readQueries(at))).map(({ id, question, answers }) => ({ id, question, answers }))).toEqual([
      { id: 'test_0', question: 'who?', answers: ['Kent', 'Albany'] },
      { id: 'test_1', question: 'Ü?', answers: [] },
    ])
  })

  test('have SQuAD’s columns, those without an answer left out', async () => {
    const remarks: string[] = []
    const text: SchemaElement = { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' } // prettier-ignore
    const schema: SchemaElement[] = [
      { name: 'root', num_children: 3 },
      { ...text, name: 'id' },
      { ...text, name: 'question' },
      { name: 'answers', num_children: 1, repetition_type: 'OPTIONAL' },
      { name: 'text', num_children: 1, repetition_type: 'OPTIONAL', converted_type: 'LIST' },
      { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
      text,
    ]
    const columns = [
      { name: 'id', data: ['a', 'b'] },
      { name: 'question', data: ['one?', 'two?'] },
      { name: 'answers', data: [{ text: ['x', 'x', 'y'] }, { text: [] }] },
    ]
    const at = file('a', parquet(columns, schema))
    const read = await values(readQueries(at, { onIgnored: (remark) => remarks.push(remark) }))
    expect(read.map(({ id, answers, dataset }) => [id, answers, dataset])).toEqual([['a', ['x', 'y'], 'squad']])
    expect(remarks).toEqual([`${at}: 1 questions that are marked as having no answer were left out`])
  })
})
