import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openServedEmbedder, type ServedEmbedderOptions } from '../../../adapters/embeddings/index.ts'
import { sameEncoder } from '../../../adapters/encoders.ts'
import { openEmbedder } from '../../../adapters/onnx/index.ts'
import type { Embedder } from '../../../method/ports.ts'
import { unobserved } from '../../../runtime/observe.ts'
import { pause } from '../../../runtime/wait.ts'
import { encoderFolder } from '../onnx/model.ts'
import { Answer, serving, type Served, type Serving } from './serving.ts'

const { signal } = new AbortController()
const folder = await encoderFolder()
const minilm = await openEmbedder({ folder, workers: 1, threads: 2 })
/** The same weights, and other vectors: what another model would give. */
const other = await openEmbedder({ folder, usage: { pooling: 'cls' }, workers: 1, threads: 2 })
const long = await openEmbedder({ folder, usage: { normalised: false }, workers: 1, threads: 2 })
afterAll(() => Promise.all([minilm, other, long].map((each) => each.close())))

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
const served = async (told: Partial<Serving> = {}): Promise<Served> => {
  const server = await serving({ embedder: minilm, ...told })
  closers.push(() => server.stop())
  return server
}
const open = async ({ url }: { url: string }, options: Partial<ServedEmbedderOptions> = {}): Promise<Embedder> => {
  const embedder = await openServedEmbedder({ urls: [url], patience: 0, ...options })
  closers.push(() => embedder.close())
  return embedder
}
const opening = (server: { url: string }, options: Partial<ServedEmbedderOptions> = {}) =>
  open(server, options).then(
    () => undefined,
    (error: unknown) => error as Error,
  )
const cosine = (a: Float32Array, b: Float32Array) => {
  const product = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b))
}
const words = Array.from({ length: 100 }, (_, i) => `word ${i}`)

describe('requests', () => {
  test('are shared by texts of concurrent calls, up to so many texts', async () => {
    const server = await served()
    const embedder = await open(server, { texts: 40, concurrency: 1 })
    server.asked.length = 0
    const vectors = await Promise.all(words.map(async (word) => (await embedder.embed([word], 'query', signal))[0]!))
    expect(server.asked.map(({ input }) => input.length)).toEqual([40, 40, 20])
    const expected = await minilm.embed(words, 'query', signal)
    vectors.forEach((vector, i) => expect(cosine(vector, expected[i]!)).toBeGreaterThan(0.999))
  })

  test('hold no more characters than they may', async () => {
    const server = await served()
    const embedder = await open(server, { characters: 600 })
    server.asked.length = 0
    await embedder.embed(
      Array.from({ length: 10 }, (_, i) => `${i} ${'basalt '.repeat(27)}`),
      'passage',
      signal,
    )
    expect(server.asked.length).toBeGreaterThanOrEqual(4)
    for (const { input } of server.asked) expect(input.join('').length).toBeLessThanOrEqual(600)
  })

  test('carry the prefixes, the length to cut at, and vectors as base64', async () => {
    const server = await served()
    const usage = { query_prefix: 'query: ', passage_prefix: 'passage: ', max_tokens: 128 }
    const embedder = await open(server, { usage })
    server.asked.length = 0
    await embedder.embed(['basalt'], 'query', signal)
    await embedder.embed(['marble'], 'passage', signal)
    const common = { model: 'minilm', encoding_format: 'base64', truncate_prompt_tokens: 128 }
    expect(server.asked).toEqual([
      { ...common, input: ['query: basalt'] },
      { ...common, input: ['passage: marble'] },
    ])
  })

  test('are dropped at the server when nobody waits for them any more', async () => {
    const server = await served({ meddle: ({ input }) => (input[0] === 'slow' ? pause(5_000) : undefined) })
    const embedder = await open(server)
    const abort = new AbortController()
    const call = embedder.embed(['slow'], 'query', abort.signal)
    setTimeout(() => abort.abort(new Error('enough')), 100)
    await expect(call).rejects.toThrow('enough')
    await expect.poll(server.dropped).toBe(1)
    expect(await embedder.embed(['quick'], 'query', signal)).toHaveLength(1)
  })
})

describe('a server', () => {
  test('that knows OpenAI’s own parameters only, and no base64, is asked so', async () => {
    const server = await served({ refuses: ['truncate_prompt_tokens', 'use_activation'], digits: true })
    const embedder = await open(server)
    server.asked.length = 0
    const [vector] = await embedder.embed(['basalt'], 'query', signal)
    expect(server.asked).toEqual([{ model: 'minilm', input: ['basalt'], encoding_format: 'float' }])
    expect(cosine(vector!, (await minilm.embed(['basalt'], 'query', signal))[0]!)).toBeGreaterThan(0.99999)
  })

  test.each([
    ['refuses to', { refuses: ['truncate_prompt_tokens'] }],
    [
      'is silent about it',
      {
        meddle: ({ input }: { input: readonly string[] }, vectors: readonly Float32Array[]) => ({
          data: vectors.map((vector, index) => ({ index, embedding: [...vector] })),
          usage: { prompt_tokens: input.join(' ').split(' ').length },
        }),
      },
    ],
  ])('that does not cut texts as it is told (%s) is complained of in the log', async (_, told) => {
    const warnings: string[] = []
    const logger = { ...unobserved.logger, warn: (_: unknown, message: string) => void warnings.push(message) }
    await open(await served(told), { usage: { max_tokens: 64 }, logger })
    expect(warnings).toEqual([expect.stringContaining('does not cut texts at 64 tokens')])
  })

  test('that leaves vectors as long as they come has them brought to length 1 where the settings say so', async () => {
    const server = await served({ embedder: long })
    const raw = await open(server)
    const unit = await open(server, { usage: { normalised: true } })
    expect([raw.identity.normalised, unit.identity.normalised]).toEqual([false, true])
    const length = async (embedder: Embedder) => Math.hypot(...(await embedder.embed(['basalt'], 'query', signal))[0]!)
    expect(await length(unit)).toBeCloseTo(1, 5)
    expect(await length(raw)).not.toBeCloseTo(1, 1)
  })

  test('that brings them to length 1 against the settings is refused', async () => {
    const error = await opening(await served(), { usage: { normalised: false } })
    expect(error).toMatchObject({
      name: 'Fatal',
      message: expect.stringContaining('set encoder.normalised to true') as string,
    })
  })

  test.each<[string, Partial<Serving>, Partial<ServedEmbedderOptions>, RegExp]>([
    [
      'several models and none named',
      { models: ['a', 'b'] },
      {},
      /serves 2 models \(a, b\): say which with encoder\.model/,
    ],
    ['no such model', {}, { model: 'nosuch' }, /answered 404: The model `nosuch` does not exist\.: see encoder\.urls/],
    [
      'another key',
      { apiKey: 'secret-1' },
      { apiKey: 'secret-2' },
      /answered 401: Unauthorized: see .* encoder\.api_key/,
    ],
    [
      'refusals alone',
      { meddle: () => new Answer(400, { error: { message: 'no pooling' } }) },
      {},
      /no pooling: is it a server of embeddings/,
    ],
  ])('with %s is refused with a sentence and without the key', async (_, told, options, sentence) => {
    const error = await opening(await served(told), options)
    expect(error).toMatchObject({ name: 'Fatal', message: expect.stringMatching(sentence) as string })
    expect(JSON.stringify([error?.message, error?.stack, Object.entries(error ?? {})])).not.toContain('secret-2')
  })

  test('that is away is waited for, and then unavailable', async () => {
    const server = await served()
    await server.stop()
    closers.pop()
    const started = performance.now()
    const error = await opening(server, { patience: 600 })
    expect(error).toMatchObject({
      name: 'Unavailable',
      message: expect.stringContaining('cannot be reached') as string,
    })
    expect(performance.now() - started).toBeGreaterThan(600)
  })
})

describe('a reply', () => {
  const first = (vectors: readonly Float32Array[]) =>
    vectors.map((vector, index) => ({ index, embedding: [...vector] }))
  const cases: [string, (vectors: readonly Float32Array[]) => unknown, RegExp][] = [
    ['with a vector too few', (v) => ({ data: first(v).slice(1) }), /1 vectors for 2 texts/],
    [
      'with the same vector twice',
      (v) => ({ data: first(v).map((each) => ({ ...each, index: 0 })) }),
      /or twice the same/,
    ],
    [
      'with shorter vectors',
      (v) => ({ data: first(v).map((e) => ({ ...e, embedding: e.embedding.slice(1) })) }),
      /a vector of 383 numbers where 384 were expected/,
    ],
    [
      'with something else than numbers',
      () => ({
        data: [
          { index: 0, embedding: 'AAA=' },
          { index: 1, embedding: 'AAA=' },
        ],
      }),
      /a vector of 0 numbers/,
    ],
    [
      'that is none',
      () => 'at your service',
      /answered something that is no JSON|something else than \/v1\/embeddings/,
    ],
    ['that is another one', () => ({ choices: [] }), /something else than \/v1\/embeddings does at data/],
    ['of status 500', () => new Answer(500, { error: { message: 'out of memory' } }), /answered 500: out of memory/],
    ['of status 503', () => new Answer(503, {}), /answered 503/],
  ]
  test.each(cases)('%s is taken from no server: unavailable, and the next call goes on', async (_, wrong, sentence) => {
    const server = await served()
    const embedder = await open(server)
    server.change({ meddle: (_, vectors) => wrong(vectors) })
    await expect(embedder.embed(['basalt', 'marble'], 'query', signal)).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringMatching(sentence) as string,
    })
    server.change({ meddle: () => undefined })
    expect(await embedder.embed(['basalt'], 'query', signal)).toHaveLength(1)
  })

  test('that does not come in time is unavailable, and counts against its text', async () => {
    const server = await served()
    const embedder = await open(server, { timeout: 300 })
    server.change({ meddle: () => pause(3_000) })
    await expect(embedder.embed(['basalt'], 'query', signal)).rejects.toMatchObject({
      ...{ name: 'Unavailable', inFlight: true, message: expect.stringContaining('within 0.3 s') as string },
    })
  })
})

describe('a text that is refused', () => {
  test('is rejected alone, whatever it came with', async () => {
    const server = await served({ words: 50, refuses: ['truncate_prompt_tokens'] })
    const embedder = await open(server)
    const texts = [...words.slice(0, 9), 'granite '.repeat(80).trim(), ...words.slice(9, 20)]
    const found = await Promise.allSettled(texts.map((text) => embedder.embed([text], 'passage', signal)))
    const rejected = found.flatMap((each, i) =>
      each.status === 'rejected' ? [[i, each.reason as Error] as const] : [],
    )
    expect(rejected).toEqual([[9, expect.objectContaining({ name: 'Rejected' })]])
    expect(rejected[0]![1].message).toMatch(
      /a text of 639 characters was refused: .*maximum context length is 50 tokens/,
    )
  })

  test('as all others are by now is not at fault: the server is unavailable', async () => {
    const server = await served()
    const embedder = await open(server)
    server.change({ meddle: () => new Answer(400, { error: { message: 'not today' } }) })
    await expect(embedder.embed(['basalt'], 'query', signal)).rejects.toMatchObject({ name: 'Unavailable' })
  })
})

describe('which model a server has', () => {
  test('is told by its vectors: another one behind the same name is another encoder', async () => {
    const [one, two] = [await open(await served()), await open(await served({ embedder: other }))]
    expect(sameEncoder(one.identity, two.identity)).toBe(false)
  })

  test('is the same where the last digits of its vectors are others', async () => {
    const blurred = await served({
      meddle: (_, vectors) => ({
        data: vectors.map((vector, index) => ({
          index,
          embedding: [...vector].map((x, d) => x * (1 + 0.01 * Math.sin(d))),
        })),
      }),
    })
    const [one, two] = [await open(await served()), await open(blurred)]
    expect(one.identity.revision).not.toBe(two.identity.revision)
    expect(sameEncoder(one.identity, two.identity)).toBe(true)
  })

  test('and how it is used: another prefix or length is another encoder', async () => {
    const server = await served()
    const plain = await open(server)
    for (const usage of [{ query_prefix: 'query: ' }, { passage_prefix: 'passage: ' }, { max_tokens: 64 }])
      expect(sameEncoder(plain.identity, (await open(server, { usage })).identity)).toBe(false)
  })

  test('is looked at again when it was away: nothing of another one is taken', async () => {
    const server = await served()
    const embedder = await open(server)
    server.change({ meddle: () => new Answer(503, {}) })
    await expect(embedder.embed(['basalt'], 'query', signal)).rejects.toMatchObject({ name: 'Unavailable' })
    server.change({ meddle: () => undefined, embedder: other })
    await expect(embedder.embed(['basalt'], 'query', signal)).rejects.toMatchObject({
      ...{ name: 'Unavailable', message: expect.stringContaining('embeds otherwise than') as string },
    })
    server.change({ embedder: minilm })
    expect(await embedder.embed(['basalt'], 'query', signal)).toHaveLength(1)
  })
})

describe('several servers', () => {
  test('share the work, and one that goes away is passed over', async () => {
    const [one, two] = [await served(), await served()]
    const embedder = await open(one, { urls: [one.url, two.url], texts: 10, concurrency: 1 })
    for (const { asked } of [one, two]) asked.length = 0
    await embedder.embed(words, 'passage', signal)
    expect(Math.min(one.asked.length, two.asked.length)).toBeGreaterThan(1)
    two.change({ meddle: () => new Answer(503, {}) })
    await embedder.embed(words, 'passage', signal).catch(() => {})
    two.asked.length = 0
    expect(await embedder.embed(words, 'passage', signal)).toHaveLength(100)
    expect(two.asked).toHaveLength(0)
  })

  test('of which one is away begin without it', async () => {
    const [one, gone] = [await served(), await served()]
    await gone.stop()
    closers.pop()
    const embedder = await open(one, { urls: [gone.url, one.url] })
    expect(embedder.identity.dimension).toBe(384)
  })

  test('that serve different models are refused', async () => {
    const [one, two] = [await served(), await served({ embedder: other })]
    const error = await opening(one, { urls: [one.url, two.url] })
    expect(error).toMatchObject({
      name: 'Fatal',
      message: expect.stringContaining('let all servers of encoder.urls serve the same model') as string,
    })
  })
})
