import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contrastByDefinition } from '../../method/contrast.ts'
import { asked, type Choice } from './asking.ts'
import { simulatedServer, type SimulatedServer } from './fleet.ts'
import { conversation, differing, endToken, rowAfter, tokenized, vocabulary, written } from './model.ts'
import { shift } from './plugin.ts'

const seed = 11
let server: SimulatedServer
beforeAll(async () => {
  server = await simulatedServer({ seed, rows: 64 * vocabulary * 4 })
})
afterAll(() => server.kill())

const completions = async (body: object, url = server.url) => {
  const reply = await asked(url, '/v1/completions', { model: 'm', temperature: 0, ...body })
  expect(reply.body['error']).toBeUndefined()
  return reply.body['choices'] as Choice[]
}

/** What a step says of the carriers 0, 1, 2 … without the forced token. */
const values = (choice: Choice, step: number, forced: number, count: number) => {
  const top = choice.logprobs!.top_logprobs[step]!
  const carriers = [...Array(count + 1).keys()].filter((token) => token !== forced)
  return carriers.slice(0, count).map((token) => top[`token_id:${token}`]! + shift)
}

const forcing = (op: string, path: readonly number[], count: number, more: object) => ({
  ...{ max_tokens: path.length, ignore_eos: true, logprobs: 1, return_tokens_as_token_ids: true },
  logprob_token_ids: [...Array(count + 1).keys()],
  vllm_xargs: { gain_op: op, gain_path: path, ...more },
})

const bare = tokenized(conversation([{ role: 'user', content: 'Who?' }], true))
const prompt = tokenized(conversation([{ role: 'user', content: 'Ada did. Who?' }], true))
const rowsAfter = (start: readonly number[], path: readonly number[]) =>
  path.map((_, s) => rowAfter(seed, [...start, ...path.slice(0, s)]))

describe('the plugin of the simulated server', () => {
  const path = [...tokenized('Ada'), 1, 0]

  test('gives plain and contrastive log-probabilities over the whole vocabulary, for each α', async () => {
    await completions({ prompt: [bare], ...forcing('store', path, 1, { gain_key: 'a' }) })
    const alphas = [0, 0.5, 2]
    const use = forcing('use', path, 4, { gain_key: 'a', gain_alphas: alphas })
    const [first, second] = await completions({ prompt: [prompt, bare], ...use })
    expect(first!.logprobs!.tokens).toEqual(path.map((token) => `token_id:${token}`))
    const [given, base] = [rowsAfter(prompt, path), rowsAfter(bare, path)]
    for (const [s, token] of path.entries()) {
      const [plain, ...contrasts] = values(first!, s, token, 4)
      expect(plain).toBeCloseTo(given[s]![token]!, 4)
      for (const [i, alpha] of alphas.entries())
        expect(contrasts[i]).toBeCloseTo(contrastByDefinition(given[s]!, base[s]!, alpha, token), 4)
      expect(values(second!, s, token, 4)[3]).toBeCloseTo(base[s]![token]!, 4)
    }
  })

  test('gives −ln V for every token when a prompt is held against itself as a difference', async () => {
    await completions({ prompt: [bare], ...forcing('store', path, 1, { gain_key: 'b' }) })
    const use = forcing('use', path, 2, { gain_key: 'b', gain_form: 'difference' })
    const [choice] = await completions({ prompt: [bare], ...use })
    for (const [s, token] of path.entries())
      expect(values(choice!, s, token, 2)[1]).toBeCloseTo(-Math.log(vocabulary), 4)
    const [other] = await completions({ prompt: [prompt], ...use })
    const [given, base] = [rowsAfter(prompt, path), rowsAfter(bare, path)]
    for (const [s, token] of path.entries())
      expect(values(other!, s, token, 2)[1]).toBeCloseTo(differing(given[s]!, base[s]!)[token]!, 4)
  })

  test('says more than one token of a step, and finds rows under the answer so far', async () => {
    const wanted = { gain_wanted: [5, 6, 7], gain_counts: [2, 1] }
    await completions({ prompt: [bare], ...forcing('store', [40, 7], 2, { gain_key: 'c', ...wanted }) })
    const use = forcing('use', [41], 2, { gain_key: 'c', gain_prefix: [40], gain_wanted: [8], gain_counts: [1] })
    const [choice] = await completions({ prompt: [[...prompt, 40]], ...use })
    const [given, base] = [rowAfter(seed, [...prompt, 40]), rowAfter(seed, [...bare, 40])]
    expect(values(choice!, 0, 41, 2)[1]).toBeCloseTo(contrastByDefinition(given, base, 0.5, 8), 4)
  })

  test('leaves out what it has no row for: −9999', async () => {
    const [choice] = await completions({ prompt: [prompt], ...forcing('use', path, 2, { gain_key: 'unheard' }) })
    expect(choice!.logprobs!.token_logprobs).toEqual(path.map(() => 0))
    expect(choice!.logprobs!.top_logprobs[0]).toMatchObject({ 'token_id:0': -9999, 'token_id:1': -9999 })
  })

  test('keeps no more rows than it has room for, the least recently used out first', async () => {
    const store = (key: string) => completions({ prompt: [bare], ...forcing('store', path, 1, { gain_key: key }) })
    const isThere = async (key: string) => {
      const [choice] = await completions({ prompt: [prompt], ...forcing('use', path, 2, { gain_key: key }) })
      return choice!.logprobs!.top_logprobs[0]!['token_id:0'] !== -9999
    }
    await store('old')
    await store('used')
    for (let i = 0; i < 11; i++) {
      await store(`new${i}`)
      await isThere('used')
    }
    expect([await isThere('old'), await isThere('used')]).toEqual([false, true])
    await server.set({ forget: true })
    expect(await isThere('used')).toBe(false)
  })

  test('describes itself as simulated', async () => {
    const steps = 5
    const describe = forcing('describe', Array<number>(steps).fill(0), 100, { gain_key: 'any' })
    const [choice] = await completions({ prompt: [bare], ...describe })
    const bytes = [...Array(steps).keys()].flatMap((s) => values(choice!, s, 0, 100)).filter((value) => value > -299)
    const about = JSON.parse(Buffer.from(bytes.map((value) => Math.round(0 - value))).toString()) as object
    expect(about).toMatchObject({ model: 'simulated', runner: 'simulated', vocab: vocabulary, protocol: 1 })
  })

  test.each([
    ['another operation', { gain_op: 'forget' }, 'gain_op'],
    ['no token', { gain_path: [] }, 'gain_path'],
    ['a token outside the vocabulary', { gain_path: [512, 1] }, 'gain_path'],
    ['another number of tokens than max_tokens', { gain_path: [1] }, 'max_tokens'],
    ['counts that do not add up', { gain_wanted: [1, 2, 3], gain_counts: [1, 1] }, 'gain_counts'],
    ['a negative α', { gain_alphas: [-1] }, 'gain_alphas'],
    ['too many α', { gain_alphas: Array(17).fill(1) }, 'gain_alphas'],
    ['a name that it does not know', { gain_alpha: 0.5 }, 'gain_alpha'],
    ['a key without a character', { gain_key: '' }, 'gain_key'],
  ])('refuses %s', async (_, xargs, name) => {
    const body = { model: 'm', prompt: [bare], ...forcing('use', [1, 2], 2, { gain_key: 'a', ...xargs }) }
    const reply = await asked(server.url, '/v1/completions', body)
    expect(reply).toMatchObject({ status: 400, body: { error: { type: 'BadRequestError', code: 400 } } })
    expect((reply.body['error'] as { message: string }).message).toContain(name)
  })
})

describe('what the simulated server writes by itself', () => {
  test('is the greedy text of its model, up to the end of the turn', async () => {
    const [choice] = await completions({ prompt: [prompt], max_tokens: 200, return_token_ids: true })
    expect(choice!.token_ids).toEqual(written(seed, prompt, 200))
    expect(choice!.token_ids!.at(-1)).toBe(endToken)
    expect(choice).toMatchObject({ finish_reason: 'stop', logprobs: null })
    expect(choice!.text).toMatch(/^[a-z ]+$/)
  })

  test('ends at a stop text, which is not part of it', async () => {
    const [whole] = await completions({ prompt: [prompt], max_tokens: 200 })
    const stop = whole!.text[1]!
    const [choice] = await completions({ prompt: [prompt], max_tokens: 200, stop: [stop] })
    expect(choice).toMatchObject({ finish_reason: 'stop', stop_reason: stop, text: whole!.text.split(stop)[0] })
  })

  test('is looked at with the log-probabilities of its rows', async () => {
    const body = {
      prompt: [prompt],
      max_tokens: 1,
      logprobs: 1,
      logprob_token_ids: [0, 300],
      return_tokens_as_token_ids: true,
    }
    const [choice] = await completions(body)
    const row = rowAfter(seed, prompt)
    expect(choice!.logprobs!.top_logprobs[0]).toMatchObject({ 'token_id:0': row[0], 'token_id:300': row[300] })
    const [most] = await completions({ ...body, logprob_token_ids: undefined, logprobs: 5 })
    expect(Object.keys(most!.logprobs!.top_logprobs[0]!)).toHaveLength(5)
  })
})

describe('a simulated server that misbehaves', () => {
  const body = { model: 'm', prompt: [bare], max_tokens: 4, logprobs: 1, return_tokens_as_token_ids: true }
  const ask = (own: SimulatedServer, more: object = {}, patience = 5_000) =>
    fetch(`${own.url}/v1/completions`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      ...{ body: JSON.stringify({ ...body, ...more }), signal: AbortSignal.timeout(patience) },
    })

  test('answers 503 for a time', async () => {
    await server.set({ unavailable: 300 })
    expect((await ask(server)).status).toBe(503)
    await new Promise((resolve) => setTimeout(resolve, 320))
    expect((await ask(server)).status).toBe(200)
  })

  test('hangs at a prompt that holds a text, and answers others', async () => {
    await server.set({ hang: { containing: 'Ada' } })
    await expect(ask(server, { prompt: [bare, prompt] }, 300)).rejects.toThrow('timeout')
    expect((await ask(server)).status).toBe(200)
    await server.set({ hang: null })
  })

  test('cuts, spoils, swaps and leaves out, as often as it was told', async () => {
    await server.set({ cut: 1 })
    await expect(ask(server).then((reply) => reply.text())).rejects.toThrow('terminated')
    await server.set({ malformed: 1 })
    await expect(ask(server).then((reply) => reply.json())).rejects.toThrow(SyntaxError)
    const choices = async () => ((await (await ask(server)).json()) as { choices: Choice[] }).choices
    const [right] = await choices()
    await server.set({ wrongTokens: 1 })
    expect((await choices())[0]!.logprobs!.tokens).not.toEqual(right!.logprobs!.tokens)
    await server.set({ fewChoices: 1 })
    expect(await choices()).toHaveLength(0)
    expect((await choices())[0]).toEqual(right)
  })

  test('without its plugin passes over what is said to it, as vLLM does', async () => {
    await server.set({ plugin: false })
    const [choice] = await completions({ prompt: [bare], ...forcing('store', [9, 9], 1, { gain_key: 'x' }) })
    expect(choice!.logprobs!.tokens).not.toEqual(['token_id:9', 'token_id:9'])
    await server.set({ plugin: true })
  })

  test('is killed by a prompt, is started again by its supervisor, and is killed by it once more', async () => {
    const own = await simulatedServer({ supervised: true, faults: { die: { containing: 'Ada' } } })
    for (const deaths of [1, 2]) {
      await expect(ask(own, { prompt: [prompt] })).rejects.toThrow('fetch failed')
      await expect
        .poll(
          () =>
            fetch(`${own.url}/health`).then(
              (r) => r.status,
              () => 0,
            ),
          { timeout: 30_000 },
        )
        .toBe(200)
      expect(own.deaths).toBe(deaths)
      expect((await ask(own)).status).toBe(200)
    }
    expect(own.seen.completions).toBe(4)
    await own.kill()
    expect(own.deaths).toBe(2)
  })

  test('takes the time that its prompts take, and lets go of those that nobody waits for', async () => {
    const own = await simulatedServer({ prefill: 1000, decode: 0 })
    const began = performance.now()
    const long = Array<number>(100).fill(70)
    await Promise.all([1, 2, 3].map((n) => ask(own, { prompt: [[...long, n]], max_tokens: 1 })))
    expect(performance.now() - began).toBeGreaterThan(290)
    await expect(ask(own, { prompt: [Array<number>(3000).fill(71)], max_tokens: 1 }, 100)).rejects.toThrow('timeout')
    const running = async () => ((await (await fetch(`${own.url}/simulated`)).json()) as { running: number }).running
    await expect.poll(running).toBe(0)
    await own.kill()
  })
})
