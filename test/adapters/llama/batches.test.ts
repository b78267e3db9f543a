/** A row is the same to the last bit whatever was evaluated before, beside or after it. */
import fc from 'fast-check'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { afterAll, describe, expect, test } from 'vitest'
import { addonOf } from '../../../adapters/llama/addon.ts'
import { lengths } from '../../../adapters/llama/batches.ts'
import { openRows } from '../../../adapters/llama/rows.ts'
import { openSlots } from '../../../adapters/llama/slots.ts'
import { readerFile } from './model.ts'

const options = { sequences: 4, contextSize: 512, batchTokens: 128, name: 'test' }
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
const model = await llama.loadModel({ modelPath: await readerFile() })
const context = await model.createContext({
  contextSize: options.contextSize,
  batchSize: options.batchTokens,
  sequences: options.sequences,
  threads: 1,
  flashAttention: false,
  experimentalKvCacheKeyType: 'F32',
  experimentalKvCacheValueType: 'F32',
})
const addon = addonOf(context, model)
const rows = openRows(addon)
const slots = openSlots(addon.context, options)
const never = new AbortController().signal

afterAll(async () => {
  await slots.close()
  rows.close()
  await context.dispose()
  await model.dispose()
  await llama.dispose()
})

const prompt = (subject: string) =>
  model.tokenize(`Question: which river flows through ${subject}?\n\n${subject} lies on a river that is long, broad and brown, and many boats go up and down on it. ${subject} has been a town of traders since the Middle Ages.\n\nAnswer: the`) // prettier-ignore

/** Logits of the row after the last token. */
const rowAfter = (tokens: readonly number[]) =>
  slots.holding(tokens, never, async (slot) => {
    let logits: Float32Array = new Float32Array()
    const read = async (row: number) => void (logits = (await rows.base(row)).logits)
    await slot.evaluate(tokens, [{ position: tokens.length - 1, order: 0, read }], never)
    return logits
  })

/** Evaluates something else, so that nothing is left of what came before. */
const forget = () =>
  Promise.all([1, 2, 3, 4].map((n) => rowAfter(model.tokenize(`${n} is a number, and so is ${n + 1}`))))

describe('rows', async () => {
  const tokens = prompt('Vienna')
  const alone = await rowAfter(tokens)

  test('are the same again after the memory has held something else', async () => {
    await forget()
    expect(await rowAfter(tokens)).toEqual(alone)
  })

  test('are the same when all but the last token, or the first half, were evaluated before', async () => {
    for (const before of [tokens.length - 1, tokens.length - 2, tokens.length >> 1, 3]) {
      await forget()
      await rowAfter(tokens.slice(0, before))
      expect(await rowAfter(tokens)).toEqual(alone)
    }
  })

  test('are the same when other prompts of all lengths are evaluated beside them', async () => {
    for (const cut of [0, 1, 2, 5]) {
      await forget()
      const others = ['Vienna and Graz', 'Rome', 'a town'].map((subject, i) => rowAfter(prompt(subject).slice(cut * i)))
      const [mine] = await Promise.all([rowAfter(tokens), ...others])
      expect(mine).toEqual(alone)
    }
  })

  test('are the same when the beginning was copied from another sequence', async () => {
    await forget()
    await rowAfter(tokens.slice(0, 40))
    const all = await Promise.all(Array.from({ length: 4 }, () => rowAfter(tokens)))
    for (const row of all) expect(row).toEqual(alone)
  })

  test('are the same after going back from one answer to another', async () => {
    const answer = (text: string) => [...tokens, ...model.tokenize(text)]
    await forget()
    const danube = await rowAfter(answer(' Danube'))
    const thames = await rowAfter(answer(' Thames'))
    await forget()
    expect(await rowAfter(answer(' Thames'))).toEqual(thames)
    expect(await rowAfter(answer(' Danube'))).toEqual(danube)
  })

  test('differ when the prompt does', async () => {
    expect(await rowAfter(prompt('Verona'))).not.toEqual(alone)
  })
})

describe('the lengths that share a batch', () => {
  const left = fc.array(fc.integer({ min: 2, max: 300 }), { minLength: 1, maxLength: 8 })

  test('never leave llama.cpp a piece of one token, exceed the room or give more than is left', () => {
    fc.assert(
      fc.property(left, fc.integer({ min: 16, max: 512 }), (wanted, room) => {
        const given = lengths(wanted, room)
        expect(given.reduce((a, b) => a + b)).toBeLessThanOrEqual(room)
        expect(given.every((n, i) => n <= wanted[i]!)).toBe(true)
        const distinct = [...new Set([0, ...given])].sort((a, b) => a - b)
        expect(distinct.every((n, i) => i === 0 || n - distinct[i - 1]! >= 2)).toBe(true)
        expect(given.some((n) => n > 0)).toBe(true)
      }),
    )
  })

  test('give everything where everything fits and nothing differs by one', () => {
    expect(lengths([10, 30, 20], 512)).toEqual([10, 30, 20])
    expect(lengths([10, 11], 512)).toEqual([10, 10])
  })
})
