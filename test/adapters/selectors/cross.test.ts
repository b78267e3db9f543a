import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Worker } from 'node:worker_threads'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { openCross, type CrossOptions } from '../../../adapters/selectors/cross/index.ts'
import type { Selector } from '../../../method/ports.ts'
import type { SelectorSettings } from '../../../method/selector.ts'
import { sentence } from '../../../runtime/errors.ts'
import { unobserved } from '../../../runtime/observe.ts'
import { choiceOf, choices } from '../../contracts/selector.ts'
import { describeFolder, seeded, type Seeded } from '../../../bench/select/seeded.ts'

const { signal } = new AbortController()
const made: Seeded | string = await seeded().catch((error: unknown) => {
  if (process.env['CI']) throw error
  return sentence(error)
})
const { fp32, int8, original } = typeof made === 'string' ? { fp32: '', int8: '', original: '' } : made
const scratch = mkdtempSync(join(tmpdir(), 'cross-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const opened: Selector[] = []
const open = async (options: CrossOptions = {}, folder = int8) => {
  const selector = await openCross(folder, { workers: 1, threads: 1, ...options })
  opened.push(selector)
  return selector
}
afterEach(() => Promise.all(opened.splice(0).map(async (selector) => selector.close?.())))

/** A copy under other settings, or with other bytes. */
const variant = async (name: string, change: Partial<SelectorSettings>, bytes = (model: Buffer) => model) => {
  const folder = join(scratch, name)
  cpSync(int8, folder, { recursive: true })
  const model = join(folder, 'model.onnx')
  writeFileSync(model, bytes(readFileSync(model)))
  await describeFolder(folder, change)
  return folder
}
const encoder = (change: Partial<NonNullable<SelectorSettings['encoder']>>) => ({
  encoder: {
    ...{ max_tokens: 512, pair: { query: '{question}', passage: '{title}\n{text}' }, output: 'logits' },
    ...{ inputs: ['input_ids', 'attention_mask', 'token_type_ids'], ...change },
  },
})

/** Where no model is, a word is one with nothing but NaN: its row of the table that the original holds, too. */
const spoilt = (token: number) => (model: Buffer) => {
  const file = readFileSync(join(original, 'model.safetensors'))
  const start = 8 + Number(file.readBigUInt64LE())
  const header = JSON.parse(file.subarray(8, start).toString()) as Record<string, { data_offsets: [number, number] }>
  const row = 384 * 4
  const at = start + header['bert.embeddings.word_embeddings.weight']!.data_offsets[0] + token * row
  const found = model.indexOf(file.subarray(at, at + row))
  if (found < 0) throw new Error('the word is not in the model')
  return model.fill(Buffer.from(new Float32Array([NaN]).buffer), found, found + row)
}

const story = 'The lighthouse keeper wrote down wind and tide, and lit the lamp when the evening came. '
const many = (count: number, times = 5) =>
  Array.from({ length: count }, (_, i) => choiceOf(`p${i}`, i + 1, { title: `Entry ${i}`, text: story.repeat(times) }))
const question = 'Who kept the lighthouse?'

const watched = async <T>(start: () => Promise<T>) => {
  const workers: Worker[] = []
  const note = (worker: Worker) => void workers.push(worker)
  process.on('worker', note)
  const value = await start()
  process.off('worker', note)
  return { value, workers }
}

const title = typeof made === 'string' ? `a cross-encoder (skipped: ${made})` : 'a cross-encoder'
describe.skipIf(typeof made === 'string')(title, () => {
  test('in 8 bits ranks as in full precision', async () => {
    const [exact, fast] = [await open({}, fp32), await open()]
    const [a, b] = [await exact.score(question, choices, signal), await fast.score(question, choices, signal)]
    const spread = Math.max(...a) - Math.min(...a)
    expect(spread).toBeGreaterThan(1)
    a.forEach((logit, i) => expect(Math.abs(logit - b[i]!)).toBeLessThan(spread / 10))
    expect(a).not.toEqual(b)
  })

  test('keeps the event loop free, and pairs of concurrent queries share runs', async () => {
    const { value: selector, workers } = await watched(() => open())
    const handed = vi.spyOn(workers[0]!, 'postMessage')
    const before = performance.eventLoopUtilization()
    await Promise.all(Array.from({ length: 16 }, (_, i) => selector.score(`${question} ${i}`, many(4), signal)))
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.2)
    expect(handed).toHaveBeenCalledTimes(2) // 64 pairs, 32 at once
  })

  test('of which there are two share the pairs of one query', async () => {
    const { value: selector, workers } = await watched(() => open({ workers: 2 }))
    const handed = workers.map((worker) => vi.spyOn(worker, 'postMessage'))
    await selector.score(question, many(12), signal)
    expect(handed.map((spy) => spy.mock.calls.length)).toEqual([1, 1])
  })

  test('whose execution provider is missing says so and takes the next', async () => {
    const warnings: string[] = []
    const logger = { ...unobserved.logger, warn: (_: unknown, message: string) => void warnings.push(message) }
    const selector = await open({ providers: ['cuda'], logger })
    expect(await selector.score(question, many(1), signal)).toHaveLength(1)
    expect(warnings).toEqual([expect.stringContaining('seeded-cross-encoder runs on cpu instead: cuda')])
  })

  test('forgets the pairs of a query that was given up', async () => {
    const { value: selector, workers } = await watched(() => open())
    const handed = vi.spyOn(workers[0]!, 'postMessage')
    const abort = new AbortController()
    const given = selector.score(question, many(2000), abort.signal)
    setTimeout(() => abort.abort(new Error('enough')), 100)
    await expect(given).rejects.toThrow('enough')
    await selector.score(question, many(2), signal)
    expect(handed).toHaveBeenCalledTimes(2)
  })

  test('that loses its thread is unavailable once, and works again', async () => {
    const { value: selector, workers } = await watched(() => open())
    const call = selector.score(question, many(64), signal)
    setTimeout(() => workers[0]?.postMessage(null), 50) // no call: the thread falls over it
    await expect(call).rejects.toMatchObject({ name: 'Unavailable', inFlight: true })
    expect(await selector.score(question, many(1), signal)).toHaveLength(1)
  })

  test('keeps the question and cuts the passage at its end; a question without end leaves passages apart', async () => {
    const warn = vi.fn()
    const selector = await open({ logger: { ...unobserved.logger, warn } })
    const passage = (text: string) => choiceOf('p', 1, { text })
    const long = 'granite '.repeat(600)
    const [whole, otherEnd] = await selector.score(question, [passage(long), passage(`${long}basalt`)], signal)
    expect(otherEnd).toBe(whole)
    const [asked, otherwise] = await Promise.all(
      ['basalt', 'marble'].map((end) => selector.score('why '.repeat(400) + end, [passage(long)], signal)),
    )
    expect(asked).not.toEqual(otherwise)
    expect(warn).not.toHaveBeenCalled()
    const [a, b] = await selector.score('why '.repeat(600), [passage('granite'), passage('violin')], signal)
    expect(a).not.toBe(b)
    expect(warn).toHaveBeenCalledWith(
      {},
      expect.stringContaining('cut a question that leaves passages too little room'),
    )
  })

  test('adds its linear part to the logit, and says when no passage is good enough', async () => {
    const linear = { features: ['place', 'generated'], mean: [0.5, 0], scale: [0.25, 1], weights: [3, -2] }
    const both = await open({}, await variant('both', { linear, min_score: -1.5 }))
    const plain = await open()
    const logits = await plain.score(question, choices, signal)
    const expected = choices.map(
      ({ rank, source }, i) => logits[i]! + (3 * (1 / rank - 0.5)) / 0.25 - (source === 'generated' ? 2 : 0),
    )
    const found = await both.score(question, choices, signal)
    found.forEach((score, i) => expect(score).toBeCloseTo(expected[i]!, 3))
    expect([both.minScore, plain.minScore]).toEqual([-1.5, undefined])
    expect(both.identity.sha256).not.toBe(plain.identity.sha256)
  })

  test('rejects the query whose passage has no finite logit, and no other', async () => {
    const selector = await open({}, await variant('spoilt', {}, spoilt(9753))) // granite
    const bad = selector.score(question, [choiceOf('stone', 1, { text: 'granite' }), ...many(3)], signal)
    const good = selector.score(question, many(3), signal)
    await expect(bad).rejects.toMatchObject({
      name: 'Rejected',
      message: 'the cross-encoder seeded-cross-encoder gives passage stone no finite logit (NaN)',
    })
    expect((await good).every(Number.isFinite)).toBe(true)
  })

  test('that is closed ends its run, and those who wait are told', async () => {
    const selector = await open()
    const [running, waiting] = [selector.score(question, many(8), signal), selector.score(question, many(64), signal)]
    let isDone = false
    running.then(() => (isDone = true)).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closing = selector.close?.()
    await expect(waiting).rejects.toMatchObject({ name: 'Unavailable', message: /seeded-cross-encoder is closed/ })
    await closing
    expect(isDone).toBe(true)
    await expect(selector.score(question, many(1), signal)).rejects.toMatchObject({ name: 'Unavailable' })
  })

  test.each([
    ['an output', encoder({ output: 'scores' }), /outputs are logits; selector\.json says encoder\.output: scores/],
    ['inputs', encoder({ inputs: ['input_ids'] }), /inputs are input_ids, .*; selector\.json says encoder\.inputs/],
    ['no hash of', { sha256: {} }, /'sha256' must name model\.onnx/],
  ])('of which selector.json tells %s that is wrong is refused with a sentence', async (name, change, message) => {
    const folder = await variant(name, change)
    await expect(open({}, folder)).rejects.toMatchObject({
      name: 'Fatal',
      message: expect.stringMatching(message) as string,
    })
  })

  test('that is no model, or gives no number, is refused before anybody asks it', async () => {
    const none = await variant('none', {}, () => Buffer.from('no model'))
    await expect(open({}, none)).rejects.toThrow(/model\.onnx cannot be loaded as an ONNX model/)
    const dead = await variant('dead', {}, spoilt(1037)) // a
    await expect(open({}, dead)).rejects.toThrow(/gives a pair of words no finite logit \(NaN\)/)
  })
})
