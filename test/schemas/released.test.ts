import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { optional } from '../../schemas/avro.ts'
import { records } from '../../schemas/index.ts'
import { defineOnce } from '../../schemas/names.ts'
import { conflict, howToRelease, release, releases, shape } from '../../schemas/release.ts'
import { typeOf } from '../../schemas/type.ts'

const released = new URL('../../schemas/released/', import.meta.url)
const current = Object.entries(records)

const folders: string[] = []
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'released-'))
  folders.push(path)
  return pathToFileURL(`${path}/`)
}
afterEach(() => folders.splice(0).forEach((path) => rmSync(path, { recursive: true })))

/** All types of a schema, each with where it stands. */
const typesOf = (type: unknown, at: string): { at: string; type: unknown }[] => {
  const here = { at, type }
  if (Array.isArray(type)) return [here, ...type.flatMap((branch) => typesOf(branch, at))]
  if (typeof type !== 'object' || type === null) return [here]
  const parts = type as { items?: unknown; values?: unknown; fields?: { name: string; type: unknown }[] }
  return [
    here,
    ...(parts.fields ?? []).flatMap((field) => typesOf(field.type, `${at}.${field.name}`)),
    ...(parts.items === undefined ? [] : typesOf(parts.items, `${at}[]`)),
    ...(parts.values === undefined ? [] : typesOf(parts.values, `${at}{}`)),
  ]
}

/** The fields of each record that a schema defines, by the record's name. */
const fieldsOf = (schema: unknown) =>
  new Map(
    typesOf(schema, '').flatMap(({ type }) => {
      const record = type as { name?: string; fields?: { name: string }[] }
      return record.name !== undefined && record.fields ? [[record.name, record.fields] as const] : []
    }),
  )

describe.each(current)('the schema %s', (name, schema) => {
  const versions = releases(name, released)

  test('is released as it stands', () => {
    const newest = versions.at(-1)
    expect(newest && shape(newest.schema), `${name} is not what was released last: ${howToRelease}`).toBe(shape(schema))
    const written = readFileSync(new URL(newest?.file ?? '', released), 'utf8')
    expect(written, `the descriptions of ${name} have changed: ${howToRelease}`).toBe(
      `${JSON.stringify(defineOnce(schema), null, 2)}\n`,
    )
  })

  test('reads all that was ever written, and all that was ever released reads it', () => {
    expect(conflict(name, schema, versions)).toBeUndefined()
  })

  test('has versions without a gap from 1 on', () => {
    expect(versions.map(({ version }) => version)).toEqual(versions.map((_version, i) => i + 1))
  })

  test('uses nothing that could not be changed later: no enum, no union but of null and one type', () => {
    for (const { at, type } of typesOf(schema, name)) {
      if (Array.isArray(type)) expect(type, at).toEqual(['null', expect.anything()])
      else if (typeof type === 'object')
        expect(['record', 'array', 'map'], at).toContain((type as { type: string }).type)
      else expect(['boolean', 'int', 'long', 'double', 'string', 'bytes', 'null'], at).toContain(type)
    }
  })

  test('gives each field that a release lacks a default', () => {
    expect(versions.length, `${name} has no release: ${howToRelease}`).toBeGreaterThan(0)
    for (const version of versions) {
      const before = fieldsOf(version.schema)
      for (const [record, fields] of fieldsOf(defineOnce(schema))) {
        const added = fields.filter((field) => before.get(record)?.every(({ name }) => name !== field.name))
        expect(
          added.filter((field) => !('default' in field)),
          `${record}, not in ${version.file}`,
        ).toEqual([])
      }
    }
  })
})

test('each released file belongs to a record that there is', () => {
  const known = current.flatMap(([name]) => releases(name, released).map(({ file }) => file))
  expect(readdirSync(released).sort()).toEqual(known.sort())
})

describe('a release', () => {
  const note = (...fields: object[]) => ({
    type: 'record',
    name: 'Note',
    namespace: 'gainstream',
    fields: [{ name: 'text', type: 'string' }, ...fields],
  })
  const tags = { name: 'tags', type: { type: 'array', items: 'string' } }
  const added = note({ ...tags, default: [] })

  test('writes a file for what is new and nothing for what is not', () => {
    const at = folder()
    expect(release({ note: note() }, at)).toEqual(['note.v1.avsc'])
    expect(release({ note: note() }, at)).toEqual([])
    expect(release({ note: added }, at)).toEqual(['note.v2.avsc'])
    expect(JSON.parse(readFileSync(new URL('note.v1.avsc', at), 'utf8'))).toEqual(note())
  })

  test('writes a changed description into the newest version', () => {
    const at = folder()
    release({ note: note() }, at)
    expect(release({ note: { ...note(), doc: 'A note.' } }, at)).toEqual(['note.v1.avsc'])
  })

  const refused: [string, object, object, RegExp][] = [
    [
      'an added field without a default',
      note(),
      note(tags),
      /^note cannot read what was written as note\.v1\.avsc: the field tags is not in it and has no default/,
    ],
    [
      'a field taken away',
      note(tags),
      note(),
      /^a worker that knows note\.v1\.avsc cannot read note any more: the field tags is not in it/,
    ],
    [
      'another type',
      note(tags),
      note({ name: 'tags', type: 'string' }),
      /tags was written as array and is to be read as string/,
    ],
    [
      'a wider number, which older workers cannot read',
      note({ name: 'n', type: 'int' }),
      note({ name: 'n', type: 'long' }),
      /^a worker that knows note\.v1\.avsc cannot read note any more: n was written as long and is to be read as int/,
    ],
    [
      'a field that becomes optional',
      note({ name: 'n', type: 'int' }),
      note({ name: 'n', type: optional('int'), default: null }),
      /n was written as null or int and is to be read as int/,
    ],
    [
      'a change deep inside',
      note({ name: 'in', type: optional({ type: 'array', items: note() }) }),
      note({ name: 'in', type: optional({ type: 'array', items: note({ name: 'n', type: 'int' }) }) }),
      /the field in\[\]\.n is not in it and has no default/,
    ],
  ]
  test.each(refused)('refuses %s, and names the field', (_name, before, after, words) => {
    const at = folder()
    const rename = (schema: object) => ({ ...schema, name: 'Outer' })
    release({ note: rename(before) }, at)
    expect(() => release({ note: rename(after) }, at)).toThrow(words)
    expect(readdirSync(at)).toEqual(['note.v1.avsc'])
  })

  test('must fit the oldest version too, not only the newest', () => {
    const at = folder()
    writeFileSync(new URL('note.v1.avsc', at), JSON.stringify(note()))
    writeFileSync(new URL('note.v2.avsc', at), JSON.stringify(note(tags)))
    expect(() => release({ note: note(tags) }, at)).toThrow(/note\.v1\.avsc/)
    expect(releases('note', at).map(({ version }) => version)).toEqual([1, 2])
  })
})

describe('a schema with the same record in several places', () => {
  const part = { type: 'record', name: 'Part', namespace: 'a', fields: [{ name: 'n', type: 'int' }] }
  const whole = (second: object) => ({
    type: 'record',
    name: 'Whole',
    namespace: 'a',
    fields: [
      { name: 'one', type: part },
      { name: 'two', type: optional({ type: 'array', items: second }), default: null },
      { name: 'three', type: { type: 'map', values: second } },
    ],
  })

  test('defines it at the first and names it afterwards', () => {
    expect(defineOnce(whole(part))).toMatchObject({
      fields: [{ type: part }, { type: ['null', { type: 'array', items: 'a.Part' }] }, { type: { values: 'a.Part' } }],
    })
    const value = { one: { n: 1 }, two: [{ n: 2 }], three: { x: { n: 3 } } }
    expect(typeOf(whole(part)).fromBuffer(typeOf(whole(part)).toBuffer(value))).toEqual(value)
  })

  test('may not mean two things by one name', () => {
    const other = { ...part, fields: [] }
    expect(() => defineOnce(whole(other))).toThrow('two different records are called a.Part')
  })
})
