import { copyFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openVectors, type VectorBlock, type Vectors } from '../../../adapters/vectors/index.ts'
import { openParquetVectors } from '../../../adapters/vectors/parquet.ts'
import { Fatal } from '../../../runtime/errors.ts'
import { collect, refusal } from '../files/folder.ts'
import { folder, pickles, withNumpy } from './shards.ts'

const root = folder()
afterAll(() => rmSync(root, { recursive: true }))
let count = 0
const place = (name: string) => {
  const inside = join(root, String(count++))
  mkdirSync(inside)
  return join(inside, name)
}
const file = (name: string, ...parts: (Buffer | string)[]) => {
  const path = place(name)
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part as Buffer))))
  return path
}

const floats = (...numbers: number[]) => Buffer.from(new Float32Array(numbers).buffer)

const npy = (header: string, data: Buffer, version = 1) => {
  const text = Buffer.from(`${header}\n`)
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  if (version === 1) length.writeUInt16LE(text.length)
  else length.writeUInt32LE(text.length)
  return Buffer.concat([Buffer.from(`\x93NUMPY`, 'latin1'), Buffer.from([version, 0]), length, text, data])
}
const shape = (rows: number, dimension: number, type = '<f4', order = 'False') =>
  `{'descr': '${type}', 'fortran_order': ${order}, 'shape': (${rows}, ${dimension}), }`

const fvecs = (...rows: number[][]) =>
  Buffer.concat(
    rows.map((row) => {
      const size = Buffer.alloc(4)
      size.writeInt32LE(row.length)
      return Buffer.concat([size, floats(...row)])
    }),
  )

const root3 = (name: string, type: 'FLOAT' | 'DOUBLE'): SchemaElement[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', repetition_type: 'OPTIONAL', type },
]
const parquet = (column: string, rows: unknown[], ids?: unknown[], rowGroupSize = 2) => {
  const schema: SchemaElement[] = [
    { name: 'root', num_children: ids ? 2 : 1 },
    ...root3(column, 'FLOAT'),
    ...(ids ? [{ name: 'id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' } as const] : []),
  ]
  const columnData = [{ name: column, data: rows }, ...(ids ? [{ name: 'id', data: ids }] : [])]
  return Buffer.from(parquetWriteBuffer({ columnData, schema, rowGroupSize }))
}

const numbers = (blocks: readonly VectorBlock[]) => blocks.flatMap(({ vectors }) => [...vectors])
const all = async (vectors: Vectors, from?: number) => numbers(await collect(vectors.blocks(from)))

describe('vectors are known up front and come from any row on', () => {
  const six = [1, 2, 3, 4, 5, 6]
  const halves = Buffer.from([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x7b, 0x00, 0x00, 0x00, 0x38])
  const kinds: [string, () => string, number[]][] = [
    ['.npy of version 1', () => file('a.npy', npy(shape(3, 2), floats(...six))), six],
    ['.npy of version 2', () => file('a.npy', npy(shape(3, 2), floats(...six), 2)), six],
    ['.npy of version 3', () => file('a', npy(shape(3, 2), floats(...six), 3)), six],
    ['.npy of half precision', () => file('a', npy(shape(3, 2, '<f2'), halves)), [1, -2, 2 ** -24, 65_504, 0, 0.5]],
    ['.fvecs', () => file('anything', fvecs([1, 2], [3, 4], [5, 6])), six],
    ['Parquet', () => file('a.txt', parquet('embedding', [six.slice(0, 2), six.slice(2, 4), six.slice(4)])), six],
  ]
  test.each(kinds)('%s', async (_name, make, expected) => {
    const vectors = await openVectors(make())
    expect([vectors.rows, vectors.dimension, vectors.hasIds]).toEqual([3, 2, false])
    for (const from of [0, 1, 2, 3]) {
      const blocks = await collect(vectors.blocks(from))
      expect(numbers(blocks)).toEqual(expected.slice(2 * from))
      if (from < 3) expect(blocks[0]?.from).toBe(from)
      expect(blocks.reduce((sum, { rows }) => sum + rows, 0)).toBe(3 - from)
    }
  })

  test('of a Parquet file with ids', async () => {
    const path = file('a', parquet('vector', [[1], [2], [3], [4], [5]], ['a', 'b', 'c', 'd', 'ü']))
    const vectors = await openVectors(path)
    expect(vectors.hasIds).toBe(true)
    const blocks = await collect(vectors.blocks(3))
    expect(blocks.map(({ from, ids }) => [from, ids])).toEqual([
      [3, ['d']],
      [4, ['ü']],
    ])
    expect(numbers(blocks)).toEqual([4, 5])
  })

  test('of a folder in the natural order of its names, whatever is hidden in it', async () => {
    const folder = join(place('.'), 'shards')
    mkdirSync(folder)
    mkdirSync(join(folder, 'older'))
    writeFileSync(join(folder, '.DS_Store'), 'x')
    ;[10, 2, 1].forEach((n) => writeFileSync(join(folder, `part_${n}.npy`), npy(shape(1, 2), floats(n, -n))))
    const vectors = await openVectors(folder)
    expect([vectors.rows, vectors.dimension]).toEqual([3, 2])
    expect(await all(vectors)).toEqual([1, -1, 2, -2, 10, -10])
    expect((await collect(vectors.blocks(1))).map(({ from, rows }) => [from, rows])).toEqual([
      [1, 1],
      [2, 1],
    ])
    expect(await all(vectors, 2)).toEqual([10, -10])
  })

  test('of a file of more than one block, each number once', async () => {
    const rows = 5000
    const data = Float32Array.from({ length: rows * 384 }, (_, i) => i % 8191)
    const vectors = await openVectors(file('a.npy', npy(shape(rows, 384), Buffer.from(data.buffer))))
    const blocks = await collect(vectors.blocks(7))
    expect(blocks.length).toBeGreaterThan(1)
    let at = 7 * 384
    for (const { vectors: part } of blocks) for (const number of part) if (number !== data[at++]) expect(at).toBe(-1)
    expect(at).toBe(data.length)
  })

  test('and stop when the signal says so', async () => {
    const data = Buffer.alloc(8_000_000)
    const vectors = await openVectors(file('a.npy', npy(shape(1_000_000, 2), data)))
    const stop = new AbortController()
    const reading = async () => {
      for await (const _ of vectors.blocks(0, stop.signal)) stop.abort()
    }
    expect((await refusal(reading())).name).toBe('AbortError')
  })
})

describe('a file of vectors that cannot be read is refused with a sentence', () => {
  const bad: [string, () => string, string][] = [
    ['text', () => file('a', '{"id": 1}'), 'holds no vectors that can be read; .npy, .fvecs, Parquet and pickled shards of ids can'],
    ['nothing', () => file('a', ''), 'holds no vectors that can be read; .npy, .fvecs, Parquet and pickled shards of ids can'],
    ['doubles', () => file('a', npy(shape(1, 1, '<f8'), Buffer.alloc(8))), 'holds numbers of type <f8; save it as float32 or float16 in little-endian order'],
    ['high bytes first', () => file('a', npy(shape(1, 1, '>f4'), Buffer.alloc(4))), 'holds numbers of type >f4; save it as float32 or float16 in little-endian order'],
    ['objects', () => file('a', npy(shape(1, 1, '|O'), Buffer.alloc(8))), 'holds numbers of type |O; save it as float32 or float16 in little-endian order'],
    ['records', () => file('a', npy(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1), }`, floats(1))), 'holds numbers of type record; save it as float32 or float16 in little-endian order'],
    ['columns first', () => file('a', npy(shape(2, 2, '<f4', 'True'), Buffer.alloc(16))), 'holds its numbers column by column; save it with numpy.ascontiguousarray'],
    ['one axis', () => file('a', npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }`, Buffer.alloc(16))), 'has the shape (4,); it must have rows and columns'],
    ['a program for a header', () => file('a', npy(`__import__('os').system('true')`, floats(1))), 'is damaged: its header is none that numpy writes'],
    ['an endless header', () => file('a', Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\x7f    ', 'latin1')), 'is damaged: its header says that it is 2147483647 bytes long'],
    ['another version', () => file('a', npy(shape(1, 1), floats(1), 4)), 'is .npy of version 4; 1 to 3 can be read'],
    ['too few numbers', () => file('a', npy(shape(3, 2), floats(1, 2, 3))), `has ${23 + shape(3, 2).length} bytes instead of the ${35 + shape(3, 2).length} that its header says; copy or download it again`],
    ['half a row', () => file('a', fvecs([1, 2]), floats(1)), 'is no .fvecs file of 2 numbers a row, or it is cut short; copy it again'],
    ['no vector column', () => file('a', parquet('x', [[1]])), 'has no column vector or embedding or embeddings; it has x'],
    ['lists of several lengths', () => file('a', parquet('vector', [[1], [2, 3]])), 'the lists in vector are not all of one length; each must hold one vector'],
  ] // prettier-ignore
  test.each(bad)('%s', async (_name, make, words) => {
    const path = make()
    const error = await refusal(openVectors(path))
    expect(error).toBeInstanceOf(Fatal)
    expect([`${path} ${words}`, `${path}: ${words}`]).toContain(error.message)
  })

  const rows: [string, () => string, string][] = [
    ['NaN', () => file('a', npy(shape(3, 2), floats(1, 2, 3, 4, NaN, 6))), 'row 3: number 1 of this vector is NaN; embed that passage again'],
    ['infinity', () => file('a', fvecs([1, 2], [3, -Infinity])), 'row 2: number 2 of this vector is -Infinity; embed that passage again'],
    ['a row of another length', () => file('a', fvecs([1, 2], [3, 4, 5, 6, 7])), 'row 2: this vector has 5 numbers instead of 2'],
    ['a list of another length', () => file('a', parquet('vector', [[1, 2], [3, 4], [5], [6, 7, 8]])), 'row 3: this vector has 1 numbers instead of 2'],
    ['a number that is missing', () => file('a', parquet('vector', [[1, 2], [3, null]])), 'row 2: number 2 of this vector is missing or no number'],
    ['an id that is missing', () => file('a', parquet('vector', [[1], [2], [3]], ['a', 'b', null])), 'row 3: the id is missing or no text'],
  ] // prettier-ignore
  test.each(rows)('%s, when that row is read', async (_name, make, words) => {
    const path = make()
    const vectors = await openVectors(path)
    const error = await refusal(collect(vectors.blocks()))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(`${path} ${words}`)
  })

  test('a file that becomes shorter while it is read', async () => {
    const path = file('a', npy(shape(3, 2), floats(1, 2, 3, 4, 5, 6)))
    const vectors = await openVectors(path)
    truncateSync(path, 90)
    expect((await refusal(collect(vectors.blocks()))).message).toBe(`${path} is cut short; copy or download it again`)
  })

  test('a Parquet file whose row groups do not fit into memory', async () => {
    const path = file('a', parquet('vector', [[1, 2], [3, 4], [5, 6]], undefined, 3)) // prettier-ignore
    expect((await refusal(openParquetVectors(path, 4))).message).toBe(
      `${path} has a row group of 3 rows; write it with at most 2 rows a group`,
    )
  })

  test('a folder of several kinds, of several dimensions, of nothing, or none', async () => {
    const several = join(place('.'))
    writeFileSync(join(several, 'a.npy'), npy(shape(1, 1), floats(1)))
    writeFileSync(join(several, 'b.fvecs'), fvecs([1]))
    const wide = join(place('.'))
    writeFileSync(join(wide, 'a.npy'), npy(shape(1, 1), floats(1)))
    writeFileSync(join(wide, 'b.npy'), npy(shape(1, 2), floats(1, 2)))
    const half = join(place('.'))
    writeFileSync(join(half, 'a'), parquet('vector', [[1]], ['a']))
    writeFileSync(join(half, 'b'), parquet('vector', [[1]]))
    const empty = join(place('.'))
    const say = async (path: string) => (await refusal(openVectors(path))).message
    expect([
      await say(several),
      await say(wide),
      await say(half),
      await say(empty),
      await say(join(empty, 'x')),
    ]).toEqual([
      `${join(several, 'a.npy')} and ${join(several, 'b.fvecs')} are of different kinds; keep one kind in a folder`,
      `${join(wide, 'b.npy')} has vectors of 2 numbers, ${join(wide, 'a.npy')} of 1`,
      `one of ${join(half, 'a')} and ${join(half, 'b')} has ids and the other has none; both or neither must`,
      `${empty} is an empty folder; it needs at least one file of vectors`,
      `${join(empty, 'x')} does not exist; check the path`,
    ])
  })
})

describe.skipIf(!withNumpy)('pickled shards as Contriever publishes them', () => {
  const shards = join(root, 'good')
  beforeAll(async () => {
    mkdirSync(shards)
    await pickles('good', shards)
  })

  const some = (count: number, id: (i: number) => string) => Array.from({ length: count }, (_, i) => id(i))
  const kinds: [string, string[]][] = [
    ...['protocol-2', 'protocol-3', 'protocol-4', 'protocol-5', 'half', 'list-pair'].map((name): [string, string[]] => [
      name,
      some(300, (i) => String(i + 1)),
    ]),
    ...['ints', 'scalars', 'array-of-ids'].map((name): [string, string[]] => [name, some(300, String)]),
    ['unicode', some(300, (i) => `Ä\n${i}`)],
    ...['large-2', 'large-4', 'large-5'].map((name): [string, string[]] => [name, some(40_000, (i) => `wiki:${i}`)]),
  ]
  test.each(kinds)('come with ids and the numbers that numpy saved (%s), from any row on', async (name, ids) => {
    const [pickled, saved] = [await openVectors(join(shards, name)), await openVectors(join(shards, `${name}.npy`))]
    expect([pickled.rows, pickled.dimension, pickled.hasIds]).toEqual([saved.rows, saved.dimension, true])
    for (const from of [0, 123, ids.length]) {
      const blocks = await collect(pickled.blocks(from))
      expect(blocks.flatMap((block) => block.ids)).toEqual(ids.slice(from))
      expect(
        Buffer.from(new Float32Array(numbers(blocks)).buffer).equals(
          Buffer.from(new Float32Array(await all(saved, from)).buffer),
        ),
      ).toBe(true)
    }
  })

  test('in a folder are one sequence, and may be left in the middle', async () => {
    const folder = place('.')
    for (const n of ['passages_00', 'passages_01', 'passages_10']) copyFileSync(join(shards, 'half'), join(folder, n))
    const vectors = await openVectors(folder)
    expect(vectors.rows).toBe(900)
    expect((await collect(vectors.blocks(450))).map(({ from, rows }) => [from, rows])).toEqual([
      [450, 150],
      [600, 300],
    ])
    for await (const { ids } of vectors.blocks(301)) {
      expect(ids?.[0]).toBe('2')
      break
    }
  })

  test('that change after they were opened are refused', async () => {
    const path = place('shard')
    copyFileSync(join(shards, 'half'), path)
    const vectors = await openVectors(path)
    copyFileSync(join(shards, 'ints'), path)
    expect((await refusal(collect(vectors.blocks()))).message).toBe(
      `${path} has changed since it was opened; start again`,
    )
  })
})
