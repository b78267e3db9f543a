import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Worker } from 'node:worker_threads'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { openEmbedder, type EmbedderOptions, type EncoderSettings } from '../../../adapters/onnx/index.ts'
import type { Embedder } from '../../../method/ports.ts'
import { unobserved } from '../../../runtime/observe.ts'
import { encoderFolder } from './model.ts'

const { signal } = new AbortController()
const folder = await encoderFolder()
const scratch = mkdtempSync(join(tmpdir(), 'encoder-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const opened: Embedder[] = []
const open = async (options: Partial<EmbedderOptions> = {}) => {
  const embedder = await openEmbedder({ folder, workers: 1, threads: 1, ...options })
  opened.push(embedder)
  return embedder
}
afterEach(() => Promise.all(opened.splice(0).map((embedder) => embedder.close())))

/** A copy of the encoder under other settings. */
const variant = (name: string, change: Partial<EncoderSettings> | { pooling: string }) => {
  const copy = join(scratch, name)
  cpSync(folder, copy, { recursive: true })
  const file = join(copy, 'encoder.json')
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change }))
  return copy
}

const passages = Array.from(
  { length: 160 },
  (_, i) => `Entry ${i}. ${'The lighthouse keeper wrote down wind and tide. '.repeat(6)}`,
)

test('a question does not wait for the passages that were there before it', async () => {
  const embedder = await open()
  let done = 0
  const all = passages.map(async (passage) => {
    await embedder.embed([passage], 'passage', signal)
    done++
  })
  await Promise.race(all)
  await embedder.embed(['Who kept the lighthouse?'], 'query', signal)
  expect(done).toBeLessThanOrEqual(96)
  await Promise.all(all)
})

test('the event loop stays free while texts are embedded', async () => {
  const embedder = await open()
  const before = performance.eventLoopUtilization()
  await embedder.embed(passages, 'passage', signal)
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.2)
})

test('texts of many calls share runs of the model', async () => {
  const workers: Worker[] = []
  const note = (worker: Worker) => void workers.push(worker)
  process.on('worker', note)
  const embedder = await open()
  process.off('worker', note)
  const runs = vi.spyOn(workers[0]!, 'postMessage') // a message to its thread is a run
  const words = Array.from({ length: 64 }, (_, i) => `word ${i}`)
  for (const word of words.slice(0, 4)) await embedder.embed([word], 'passage', signal)
  expect(runs).toHaveBeenCalledTimes(4)
  runs.mockClear()
  await Promise.all(words.map((word) => embedder.embed([word], 'passage', signal)))
  expect(runs).toHaveBeenCalledTimes(2) // 32 texts are a full one
})

test('an execution provider that is missing is passed over with a warning', async () => {
  const warnings: string[] = []
  const logger = { ...unobserved.logger, warn: (_: unknown, message: string) => void warnings.push(message) }
  const embedder = await open({ providers: ['tensorrt'], logger })
  expect(await embedder.embed(['still works'], 'query', signal)).toHaveLength(1)
  expect(warnings).toEqual([expect.stringContaining('runs on cpu instead: tensorrt')])
})

test('a worker that dies takes its texts with it as unavailable, and the next call finds a new one', async () => {
  const workers: Worker[] = []
  const note = (worker: Worker) => void workers.push(worker)
  process.on('worker', note)
  const embedder = await open()
  process.off('worker', note)
  const call = embedder.embed(passages, 'passage', signal)
  setTimeout(() => workers[0]?.postMessage(null), 50) // no call: the thread falls over it
  await expect(call).rejects.toMatchObject({ name: 'Unavailable', inFlight: true })
  expect(await embedder.embed(['after the crash'], 'passage', signal)).toHaveLength(1)
})

test.each(['exit', 'throw'])('a process that ends (%s) in the middle of a run ends with its own code', (way) => {
  const { status, signal } = spawnSync(process.execPath, [join(import.meta.dirname, 'leaving.ts'), folder, way])
  expect({ status, signal }).toEqual({ status: way === 'exit' ? 7 : 1, signal: null })
})

test('aborted texts are not embedded any more', async () => {
  const embedder = await open()
  const abort = new AbortController()
  const call = embedder.embed(Array.from({ length: 20 }, () => passages).flat(), 'passage', abort.signal)
  setTimeout(() => abort.abort(new Error('enough')), 50)
  await expect(call).rejects.toThrow('enough')
  const from = performance.now()
  await embedder.embed(passages.slice(0, 1), 'passage', signal)
  expect(performance.now() - from).toBeLessThan(10_000)
})

test('a text is cut at its end to the tokens that the encoder was made for', async () => {
  const embedder = await open()
  const long = 'granite '.repeat(3000)
  const [whole, otherEnd] = await embedder.embed([long, `${long} basalt and marble`], 'passage', signal)
  expect(whole).toEqual(otherEnd)
})

test('prefixes and pooling follow the folder, and another setting is another revision', async () => {
  const prefixed = await open({ folder: variant('prefixed', { query_prefix: 'query: ', passage_prefix: 'passage: ' }) })
  const plain = await open()
  const [asked] = await prefixed.embed(['basalt'], 'query', signal)
  expect(asked).toEqual((await plain.embed(['query: basalt'], 'passage', signal))[0])
  expect(prefixed.identity.revision).not.toBe(plain.identity.revision)
})

test('pooling by the first token, and vectors as long as they come, where the folder says so', async () => {
  const first = await open({ folder: variant('first', { pooling: 'cls' }) })
  const long = await open({ folder: variant('long', { normalised: false }) })
  const plain = await open()
  const vector = async (embedder: Embedder) => (await embedder.embed(['basalt and marble'], 'query', signal))[0] ?? []
  const [a, b, c] = [await vector(plain), await vector(first), await vector(long)]
  const product = (x: typeof a, y: typeof a) => Array.from(x).reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  expect(product(a, b)).toBeLessThan(0.99)
  expect(product(c, c)).not.toBeCloseTo(1, 2)
  expect(product(a, c) / Math.sqrt(product(c, c))).toBeCloseTo(1, 5)
  expect([first.identity.pooling, long.identity.normalised]).toEqual(['cls', false])
})

test.each([
  ['pooling', { pooling: 'max' }, /encoder\.json: 'pooling' must be 'mean' or 'cls'/],
  ['dimension', { dimension: 768 }, /shape \[1, 2, 384\]; encoder\.json promises \[texts, tokens, 768\]/],
  ['max_tokens', { max_tokens: 0 }, /'max_tokens' must be a whole number above 0/],
])('a folder with a wrong %s is refused with a sentence', async (name, change, sentence) => {
  await expect(open({ folder: variant(name, change) })).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(sentence) as string,
  })
})

test('a model file that changed since it was accepted is refused, and one that is no model too', async () => {
  const changed = variant('changed', {})
  writeFileSync(join(changed, 'model.onnx'), 'not a model')
  await expect(open({ folder: changed })).rejects.toThrow(/model\.onnx is not the file that was accepted/)
  const broken = variant('broken', { sha256: {} })
  writeFileSync(join(broken, 'model.onnx'), 'not a model')
  await expect(open({ folder: broken })).rejects.toThrow(/model\.onnx cannot be loaded as an ONNX model/)
  rmSync(join(broken, 'tokenizer.json'))
  await expect(open({ folder: broken })).rejects.toThrow(/tokenizer\.json cannot be read/)
})
