/** The reader of pickled shards, on pickles that mean harm and pickles that are no shards. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openVectors } from '../../adapters/vectors/index.ts'
import { pythonFile } from '../../adapters/models/python.ts'
import { Fatal } from '../../runtime/errors.ts'
import { collect, refusal } from '../adapters/files/folder.ts'
import { folder, pickles, withNumpy } from '../adapters/vectors/shards.ts'

const at = folder()
afterAll(() => rmSync(at, { recursive: true }))

const programs = {
  reduce: 'asks for posix.system,',
  'reduce-2': 'asks for posix.system,',
  eval: 'asks for builtins.eval,',
  exec: 'asks for builtins.exec,',
  getattr: 'asks for builtins.eval,',
  nested: 'asks for _pickle.loads,',
  objects: 'holds objects (an array of dtype object), not numbers',
  'objects-2': 'holds objects (an array of dtype object), not numbers',
  partial: 'asks for functools.partial,',
  setstate: 'asks for functools.partial,',
  subtype: 'asks for builtins.type,',
  extension: 'asks for copyreg.add_extension,',
  dotted: 'asks for shutil.os.system,',
  'numpy-runstring': 'asks for numpy.testing._private.utils.runstring,',
  inst: 'asks for os.system,',
  obj: 'asks for os.popen,',
}

const others = {
  memo: 'asks for more memory than its size explains; do not use this file',
  bytes: 'asks for more memory than its size explains; do not use this file',
  'list-of-lists': 'row 1: the id is neither a text nor a whole number',
  'big-id': 'row 1: the id is neither a text nor a whole number',
  'no-id': 'row 1: the id is neither a text nor a whole number',
  'too-few-ids': 'holds 1 ids for 2 vectors',
  doubles: 'holds numbers of type f8; write them as float32 or float16',
  'whole-numbers': 'holds numbers of type i4; write them as float32 or float16',
  'big-endian': 'holds numbers with the highest byte first; write them in little-endian order',
  fortran: 'holds its numbers column by column; write them with numpy.ascontiguousarray',
  'fortran-5': 'holds its numbers column by column; write them with numpy.ascontiguousarray',
  'one-axis': 'holds an array that has no rows and columns',
  'no-rows': 'holds an array that has no rows and columns',
  fields: 'holds objects (an array of dtype object), not numbers',
  dictionary: 'holds no list of ids',
  three: 'is no pickle of a pair of ids and an array of numbers',
  bare: 'is no pickle of a pair of ids and an array of numbers',
  more: 'goes on after the end of its pickle',
  cut: 'is no pickle of ids and an array (UnpicklingError: pickle data was truncated)',
  persistent: 'points to an object outside of the file',
  'odd-class': 'makes an array of another class than numpy.ndarray',
  'no-state': 'holds an array that has no rows and columns',
  'short-bytes': 'holds 3 bytes of numbers instead of 16',
  negative: 'holds an array that numpy would not write',
  slots: 'holds an array that numpy would not write',
  word: 'sets the state of numpy._reconstruct',
  kind: 'holds a dtype with fields or a shape of its own',
}

const ran = (name: string) => existsSync(join(at, `${name}.ran`))

describe.skipIf(!withNumpy)('a pickled shard', () => {
  let written: string[]
  beforeAll(async () => {
    written = (await pickles('bad', at)).trim().split('\n')
  })

  test('of each trick is in the table', () => {
    expect(written.toSorted()).toEqual(Object.keys(programs).toSorted())
  })

  test.each(Object.entries(programs))('that is a program (%s) is refused and not run', async (name, words) => {
    const path = join(at, name)
    const error = await refusal(openVectors(path))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(
      words.endsWith(',')
        ? `${path} ${words} which is no part of an array of numbers; do not use this file`
        : `${path} ${words}`,
    )
    expect(ran(name)).toBe(false)
  })

  test('that is such a program runs, each of them, where it is read as pickles are read', async () => {
    expect(written.filter(ran)).toEqual([])
    await pickles('load', ...written.map((name) => join(at, name)))
    expect(written.filter(ran)).toEqual(written)
  })

  test.each(Object.entries(others))('that is none (%s) is refused', async (name, words) => {
    const path = join(at, name)
    const error = await refusal(openVectors(path))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(`${path} ${words}`)
  })

  test.each([
    ['infinite', 'row 2: number 2 of this vector is Infinity; embed that passage again'],
    ['nan', 'row 1: number 2 of this vector is NaN; embed that passage again'],
  ])('with a number that is none (%s) is refused when that row is read', async (name, words) => {
    const vectors = await openVectors(join(at, name))
    expect((await refusal(collect(vectors.blocks()))).message).toBe(`${join(at, name)} ${words}`)
  })
})

test('the reader of pickles imports no package, so that a pickle meets no code but its own', async () => {
  const source = ['restricted', 'shards']
    .map((name) => readFileSync(pythonFile(`vectors/${name}.py`), 'utf8'))
    .join('\n')
  const imported = [...source.matchAll(/^\s*(?:import|from) (\w+)/gm)].map(([, name]) => name)
  const standard = await new Promise<string>((resolve, reject) =>
    execFile('python3', ['-c', 'import sys; print(" ".join(sys.stdlib_module_names))'], (error, out) =>
      error ? reject(new Error('no Python', { cause: error })) : resolve(out),
    ),
  )
  expect(imported.filter((name) => name !== 'restricted' && !standard.split(/\s/).includes(name ?? ''))).toEqual([])
})
