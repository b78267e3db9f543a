import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Tokenizer } from 'tokenizers'
import { afterAll, expect, test } from 'vitest'
import { takePairs } from '../../../adapters/selectors/cross/index.ts'
import { runsOf } from '../../../adapters/selectors/cross/runs.ts'
import { pairOf, tokensAbout } from '../../../adapters/selectors/cross/texts.ts'
import { openPairs } from '../../../adapters/selectors/cross/tokens.ts'

const scratch = mkdtempSync(join(tmpdir(), 'pairs-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const words = ['<s>', '</s>', '[UNK]', ...'abcdefghij']
const piece = (id: string, kind: number) => ({ SpecialToken: { id, type_id: kind } })
const text = (id: string, kind: number) => ({ Sequence: { id, type_id: kind } })
const special = Object.fromEntries(words.slice(0, 2).map((id, at) => [id, { id, ids: [at], tokens: [id] }]))
const frames = {
  'as BERT does': [piece('<s>', 0), text('A', 0), piece('</s>', 0), text('B', 1), piece('</s>', 1)],
  'as RoBERTa does': [
    piece('<s>', 0),
    text('A', 0),
    ...[0, 0].map(() => piece('</s>', 0)),
    text('B', 0),
    piece('</s>', 0),
  ],
  'without a beginning': [text('A', 0), piece('</s>', 0), text('B', 0)],
  backwards: [text('B', 0), piece('</s>', 0), text('A', 0)],
}
/** A tokenizer of single letters that writes pairs in this way. */
const fileOf = (pair: readonly unknown[]) => {
  const file = join(scratch, `${Math.random()}.json`)
  const single = [text('A', 0)]
  const post_processor = { type: 'TemplateProcessing', single, pair, special_tokens: special }
  const model = {
    type: 'WordLevel',
    vocab: Object.fromEntries(words.map((word, at) => [word, at])),
    unk_token: '[UNK]',
  }
  const pre_tokenizer = { type: 'Whitespace' }
  const rest = { version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, decoder: null }
  writeFileSync(file, JSON.stringify({ ...rest, pre_tokenizer, post_processor, model }))
  return file
}
const letters = (max: number) =>
  fc.array(fc.constantFrom(...'abcdefghij'), { maxLength: max }).map((all) => all.join(' '))

test.each(['as BERT does', 'as RoBERTa does', 'without a beginning'] as const)(
  'pairs are written %s, as the tokenizer itself writes them, and only the passage is cut',
  async (name) => {
    const file = fileOf(frames[name])
    const itself = Tokenizer.fromFile(file)
    itself.setTruncation(40, { strategy: 'OnlySecond' as never })
    const pairs = await openPairs(file, 40)
    await fc.assert(
      fc.asyncProperty(letters(26), letters(60), async (query, passage) => {
        fc.pre(query.split(' ').length <= 26)
        const [found] = await pairs([[query, passage]])
        const expected = await itself.encode(query, passage)
        expect(found).toEqual({ ids: expected.getIds(), types: expected.getTypeIds(), queryCut: false })
      }),
      { numRuns: 60 },
    )
  },
)

test('a query that leaves a passage fewer than sixteen tokens is cut, and says so', async () => {
  const pairs = await openPairs(fileOf(frames['as BERT does']), 67) // 64 without the special ones
  const [whole, cut] = await pairs([
    ['a '.repeat(48), 'b '.repeat(20)],
    ['a '.repeat(49), 'b '.repeat(20)],
  ])
  expect([whole!.queryCut, cut!.queryCut]).toEqual([false, true])
  expect(cut!.ids).toEqual(whole!.ids)
  expect(whole!.ids).toHaveLength(67)
})

test('a tokenizer that writes the passage first is refused', async () => {
  await expect(openPairs(fileOf(frames.backwards), 40)).rejects.toThrow(/does not write a pair as a query and then/)
})

test('a length that leaves no room for two texts is refused', async () => {
  const refused = openPairs(fileOf(frames['as BERT does']), 4)
  await expect(refused).rejects.toThrow(/max_tokens is 4, and 3 of them are special/)
})

test('what stands in braces in a question or a passage stays as it is', () => {
  const pair = { query: 'ask: {question}', passage: '{title} | {text} {question} {other}' }
  expect(pairOf(pair, 'what is {text}?', { title: '{question}', text: '$& {title}' })).toEqual([
    'ask: what is {text}?',
    '{question} | $& {title} what is {text}? {other}',
  ])
})

test.each([
  ['Latin letters', 'lighthouse keeper', 5],
  ['a script of two bytes', 'мир', 3],
  ['a script of three bytes', '火山島', 3],
  ['nothing', '', 0],
])('about how many tokens has %s', (_, of, expected) => expect(tokensAbout(of)).toBe(expected))

const lengths = fc.array(fc.integer({ min: 1, max: 512 }), { minLength: 1, maxLength: 120 })

test('every pair is in one run, none is over its limits, and neighbours in length go together', () => {
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4000 }), (all, pairs, tokens) => {
      const rows = all.map((length) => ({ ids: Array.from({ length }, () => 1) }))
      const runs = runsOf(rows, { pairs, tokens })
      expect(runs.flat().toSorted((a, b) => a - b)).toEqual(all.map((_, at) => at))
      const order = runs.flat().map((at) => all[at]!)
      expect(order).toEqual(order.toSorted((a, b) => b - a))
      for (const run of runs) {
        expect(run.length).toBeLessThanOrEqual(pairs)
        if (run.length > 1) expect(run.length * Math.max(...run.map((at) => all[at]!))).toBeLessThanOrEqual(tokens)
      }
    }),
  )
})

test('the oldest are taken first, at most so many, and shared where several are idle', () => {
  const line = () => Array.from({ length: 20 }, (_, at) => ({ at, tokens: 10 }))
  const taken = (most: number, idle: number) => takePairs(most)(line(), idle).map(({ at }) => at)
  const first = (count: number) => Array.from({ length: count }, (_, at) => at)
  expect([taken(32, 1), taken(8, 1), taken(32, 2), taken(32, 40)]).toEqual([first(20), first(8), first(10), first(1)])
})
