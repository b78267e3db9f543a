import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pythonTexts } from '../../../adapters/files/python-list.ts'
import { Rejected } from '../../../runtime/errors.ts'
import { python } from './python.ts'

const texts = fc.array(
  fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...`'"\\\n\t\r,[]() ax\u00e9🙂\u2028`) })),
)

describe('a Python list of texts', () => {
  const good: [string, string[]][] = [
    ['[]', []],
    [' [ ] ', []],
    [`['Wilhelm Conrad Röntgen']`, ['Wilhelm Conrad Röntgen']],
    [`['an answer', "it's"]`, ['an answer', "it's"]],
    [`["a",'b',]`, ['a', 'b']],
    [`['', ' ', "\\"\\'"]`, ['', ' ', `"'`]],
    [`['a]', "[b', 'c"]`, ['a]', "[b', 'c"]],
    [`['\\\\', '\\n\\t\\x41\\u00e9\\U0001f642\\101\\0']`, ['\\', '\n\tAé🙂A\0']],
    [`['\\q\\-']`, ['\\q\\-']],
    [`['\\ud83d\\ude42', '\\ud83d']`, ['🙂', '\uFFFD']],
    [`[1990, -2.5, 'x']`, ['1990', '-2.5', 'x']],
    [`['a',\n 'b']`, ['a', 'b']],
  ]
  test.each(good)('is read from %s', (source, expected) => {
    expect(pythonTexts(source)).toEqual(expected)
  })

  const bad: [string, string][] = [
    ['', 'it begins with no bracket'],
    [`'a'`, 'it begins with no bracket'],
    [`('a',)`, 'it begins with no bracket'],
    [`['a'`, 'it has no end'],
    [`['a`, 'at character 2'],
    [`['a',`, 'it has no end'],
    [`['a' 'b']`, 'at character 6'],
    [`[,]`, 'at character 2'],
    [`['a',,]`, 'at character 6'],
    [`[['a']]`, 'at character 2'],
    [`['a'] or 1`, 'there is more after its end'],
    [`[__import__('os').system('true')]`, 'at character 2'],
    [`['a'.upper()]`, 'at character 5'],
    [`[f'{1}']`, 'at character 2'],
    [`['''a''']`, 'at character 4'],
    [`[None]`, 'at character 2'],
    [`[1_000]`, 'at character 2'],
    [`['\\x4']`, 'the escape \\x is not whole'],
    [`['\\N{BULLET}']`, 'the escape \\N is not whole'],
    [`['\\U00110000']`, 'the escape \\U00110000 is no character'],
    [`['a\nb']`, 'at character 2'],
  ]
  test.each(bad)('is not %j', (source, why) => {
    const words = `this is no Python list of texts (${why}); write it as ['one', "another's"]`
    expect(() => pythonTexts(source)).toThrow(new Rejected(words))
  })

  test('is what Python writes, whatever the texts are', async () => {
    const lists = fc.sample(texts, 500).map((list) => list.map((text) => text.toWellFormed()))
    const written = await python<string[]>('print(json.dumps([repr(each) for each in value]))', lists)
    expect(written.map(pythonTexts)).toEqual(lists)
  })

  test('is read or refused, and never read as something that Python reads otherwise', async () => {
    const mutated = fc.sample(fc.string({ unit: fc.constantFrom(...`''""[]],\\ anx4u1`), maxLength: 12 }), 20_000)
    const sources = mutated.map((text) => `[${text}]`)
    const ours = sources.map((source) => {
      try {
        return pythonTexts(source)
      } catch (error) {
        expect(error).toBeInstanceOf(Rejected)
        return null
      }
    })
    const theirs = await python<unknown[]>(
      `import ast, warnings
warnings.simplefilter("ignore")
def read(source):
    try:
        return ast.literal_eval(source)
    except (ValueError, SyntaxError, MemoryError):
        return None
print(json.dumps([read(each) for each in value]))`,
      sources,
    )
    const read = ours.flatMap((list, i) => (list === null ? [] : [[sources[i], list, theirs[i]]]))
    expect(read.length).toBeGreaterThan(50)
    for (const [source, list, theirList] of read)
      expect([source, list]).toEqual([source, (theirList as unknown[] | null)?.map(String)])
  })

  test('of a million characters takes no time', () => {
    const long = `['${"a\\'".repeat(300_000)}']`
    expect(pythonTexts(long)[0]?.length).toBe(600_000)
    expect(() => pythonTexts(long.slice(0, -2))).toThrow(Rejected)
  })
})
