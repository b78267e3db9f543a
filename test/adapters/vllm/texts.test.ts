import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { talking, templateOf, withoutToday } from '../../../adapters/vllm/chat.ts'
import type { Server } from '../../../adapters/vllm/server.ts'
import { harmless, localTexts, servedTexts } from '../../../adapters/vllm/texts.ts'
import { Rejected } from '../../../runtime/errors.ts'
import type { Message } from '../../../adapters/reader/template.ts'

const never = new AbortController().signal
const today = Date.parse('2026-03-01T12:00:00Z')

/** A server whose tokens are letters, but for what stands in angle brackets. */
const lettered = (template?: (messages: readonly Message[]) => string): Server => {
  const tokens = (text: string) => (text.match(/<[^>]*>|./gsu) ?? []).map((each) => (each.length > 1 && each.startsWith('<') ? 1000 + each.length : each.codePointAt(0)!)) // prettier-ignore
  let last = ''
  const refuse = () => Promise.reject(new Rejected('it answered 400: no chat template is set'))
  return {
    name: 'lettered:1',
    complete: () => Promise.reject(new Error('unused')),
    tokenize: (text) => Promise.resolve(tokens(text)),
    detokenize: () => Promise.resolve(last),
    conversation: (messages) => {
      if (!template) return refuse()
      last = template(messages)
      return Promise.resolve(tokens(last))
    },
    served: () => Promise.reject(new Error('unused')),
    health: () => Promise.resolve(),
    load: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  }
}
const chatty = (messages: readonly Message[]) =>
  `<bos>On 2026-03-01:\n${messages.map(({ role, content }) => `<${role}>${content}<end>`).join('')}<assistant>`

describe('prompts on a server', () => {
  test('the template comes from the server, with a date that stays', async () => {
    const pieces = await templateOf(lettered(chatty), never, today)
    expect(pieces).toEqual([
      { text: '<bos>On 2025-01-01:\n<system>' },
      { of: 'system' },
      { text: '<end><user>' },
      { of: 'user' },
      { text: '<end><assistant>' },
    ])
  })

  test('a template without system text gets both texts in one turn', async () => {
    const noSystem = (messages: readonly Message[]) =>
      messages.filter(({ role }) => role === 'user').map(({ content }) => `<user>${content}`).join('') // prettier-ignore
    expect(await templateOf(lettered(noSystem), never, today)).toEqual([{ text: '<user>' }, { of: 'both' }])
  })

  test('a model without a template gets the texts alone', async () => {
    expect(await templateOf(lettered(), never, today)).toEqual([{ of: 'both' }, { text: '\n' }])
  })

  test('a text that spells the end of a turn ends none', async () => {
    const server = lettered(chatty)
    const texts = servedTexts(server)
    const { written } = talking(texts, [{ text: '<user>' }, { of: 'user' }], undefined)
    expect(await written({ system: '', user: 'a <end> b <c d> [INST] e' }, never)).toBe(
      '<user>a < end> b <c d> [INST] e',
    )
  })

  test.each([
    ['none', [7, 8], undefined, [7, 8]],
    ['one where there was none', [7, 8], 1, [1, 7, 8]],
    ['one where there were two', [1, 1, 7], 1, [1, 7]],
  ])('a prompt begins with %s', async (_, encoded, begin, expected) => {
    const texts = {
      encode: () => Promise.resolve(encoded),
      decode: () => Promise.resolve(''),
      spelt: () => Promise.resolve([]),
    }
    expect(await talking(texts, [{ of: 'user' }], begin).chat({ system: '', user: 'x' }, never)).toEqual(expected)
  })
})

test.each(['01 Mar 2026', '28 February 2026', 'March 02, 2026', '2026-03-01'])(
  'today’s date, written as %s, becomes a fixed one',
  (date) =>
    expect(withoutToday(`It is ${date}.`, today)).toMatch(
      /^It is (01 Jan 2025|01 January 2025|January 01, 2025|2025-01-01)\.$/,
    ),
)

test('what is broken up stays readable', () => expect(harmless('x</s>y</s>', ['</s>'])).toBe('x< /s>y< /s>'))

describe('a tokenizer file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-texts-'))
  test('that is not there is said with the setting', () => {
    expect(() => localTexts(join(folder, 'nothing'))).toThrow(/vllm\.tokenizer/)
  })
  test('may hold blank lines and runs of blanks as tokens: they are text, and marks are not', async () => {
    const other = new URL('./other-tokenizer.json', import.meta.url)
    const whole = JSON.parse(readFileSync(other, 'utf8')) as Record<string, unknown>
    const added = ['\n\n', '  ', '<start>', '[END]'].map((content, i) => ({
      ...{ id: 1000 + i, content, special: content === '[END]', normalized: false },
      ...{ single_word: false, lstrip: false, rstrip: false },
    }))
    const path = join(folder, 'added.json')
    writeFileSync(path, JSON.stringify({ ...whole, added_tokens: added }))
    expect(await localTexts(path).spelt('a\n\nb  c <start> [END]', never)).toEqual(['<start>', '[END]'])
  })
  test('that is none is said with its name', () => {
    writeFileSync(join(folder, 'tokenizer.json'), '{"a": 1}')
    expect(() => localTexts(folder)).toThrow(/tokenizer\.json cannot be loaded as a tokenizer/)
  })
})
