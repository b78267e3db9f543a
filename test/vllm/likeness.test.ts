import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asked, type Choice } from './asking.ts'
import { simulatedServer, type SimulatedServer } from './fleet.ts'

/** Addresses of real servers, to hold the simulated one against: `GAINSTREAM_TEST_VLLM=http://127.0.0.1:8000`. */
const real = process.env['GAINSTREAM_TEST_VLLM']
let server: SimulatedServer
/** Name under which each serves its model. */
const models = new Map<string, string>()
const named = async (url: string) => {
  const { data } = (await asked(url, '/v1/models')).body as { data: { id: string }[] }
  models.set(url, data[0]!.id)
}
beforeAll(async () => {
  server = await simulatedServer()
  await named(server.url)
  if (real) await named(real)
})
afterAll(() => server.kill())

/** As vLLM 0.32.0 answers them; its sentences where an adapter shows them to people. */
const refusals = [
  ['another model', '/v1/completions', { model: 'n', prompt: 'x' }, 404, 'The model `n` does not exist'],
  ['an empty prompt', '/v1/completions', { prompt: [[]] }, 400, 'The decoder prompt cannot be empty'],
  ['no prompt', '/v1/completions', {}, 400, 'Either prompt or prompt_embeds must be provided'],
  ['no prompts', '/v1/completions', { prompt: [] }, 400, 'You must pass at least one prompt'],
  ['an unknown token', '/v1/completions', { prompt: [[99999999]] }, 400, 'Token id 99999999 is out of vocabulary'],
  ['a long prompt', '/v1/completions', { prompt: [Array(5000).fill(5)] }, 400, "This model's maximum context length is"],
  ['no tokens', '/v1/completions', { prompt: [[5]], max_tokens: 0 }, 400, 'max_tokens must be at least 1, got 0.'],
  ['words as tokens', '/v1/completions', { prompt: [['a', 1]] }, 400, 'validation error'],
  ['half of a body', '/v1/completions', '{"model":', 400, 'json_invalid'],
  ['wanted tokens without logprobs', '/v1/completions', { prompt: [[5]], logprob_token_ids: [1] }, 400, '`logprobs` must be set'],
  ['too many wanted tokens', '/v1/completions', { prompt: [[5]], logprobs: 1, logprob_token_ids: [...Array(129).keys()] }, 400, 'greater than max allowed: 128'],
  ['nothing to tokenize', '/tokenize', {}, 400, 'validation error'],
  ['text to detokenize', '/detokenize', { tokens: 'x' }, 400, 'list_type'],
] as const // prettier-ignore

describe.each([
  { name: 'the simulated server', url: () => server.url },
  ...(real ? [{ name: 'the real server', url: () => real }] : []),
])('$name', ({ url }) => {
  test.each(refusals)('refuses %s as vLLM does', async (_, path, body, status, message) => {
    const reply = await asked(
      url(),
      path,
      typeof body === 'string' ? body : { model: models.get(url()), max_tokens: 1, ...body },
    )
    expect(reply.status).toBe(status)
    const error = reply.body['error'] as Record<string, unknown>
    expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
    expect(error['code']).toBe(status)
    expect(error['message']).toContain(message)
  })

  test('has the paths of vLLM', async () => {
    expect(await asked(url(), '/health')).toMatchObject({ status: 200, body: { text: '' } })
    expect((await asked(url(), '/version')).body['version']).toMatch(/^0\.32\.0/)
    expect((await asked(url(), '/v1/models')).body).toMatchObject({
      data: [{ id: models.get(url()), object: 'model', parent: null }],
    })
    expect((await asked(url(), '/metrics')).body['text']).toMatch(
      /^vllm:num_requests_waiting\{engine="0",model_name="[^"]*"\} 0/m,
    )
    expect(await asked(url(), '/nothing')).toMatchObject({ status: 404, body: { detail: 'Not Found' } })
    expect(await asked(url(), '/v1/completions')).toMatchObject({ status: 405, body: { detail: 'Method Not Allowed' } })
  })

  test('answers in the shape of vLLM', async () => {
    const body = { prompt: [[5, 6], [5, 7]], max_tokens: 2, ignore_eos: true, logprobs: 1, logprob_token_ids: [0, 1], return_tokens_as_token_ids: true } // prettier-ignore
    const reply = await asked(url(), '/v1/completions', { model: models.get(url()), temperature: 0, ...body })
    expect(Object.keys(reply.body).sort()).toEqual(
      ['choices', 'created', 'ec_transfer_params', 'id', 'kv_transfer_params', 'metrics', 'model', 'object', 'service_tier', 'system_fingerprint', 'usage'],
    ) // prettier-ignore
    expect(reply.body['usage']).toMatchObject({
      prompt_tokens: 4,
      completion_tokens: 4,
      total_tokens: 8,
      prompt_tokens_details: null,
    })
    const [first, second] = reply.body['choices'] as Choice[]
    expect(Object.keys(first!).sort()).toEqual(
      ['finish_reason', 'index', 'logprobs', 'prompt_logprobs', 'prompt_token_ids', 'routed_experts', 'stop_reason', 'text', 'token_ids'],
    ) // prettier-ignore
    expect(second).toMatchObject({ index: 1, finish_reason: 'length', stop_reason: null, token_ids: null })
    const { tokens, token_logprobs, top_logprobs } = first!.logprobs!
    expect(tokens[0]).toMatch(/^token_id:\d+$/)
    expect(top_logprobs[0]![tokens[0]!]).toBe(token_logprobs[0])
    expect(Object.keys(top_logprobs[0]!)).toEqual(expect.arrayContaining(['token_id:0', 'token_id:1']))
  })

  test('reads special tokens where they are spelt out, and gives text back', async () => {
    const text = 'Zürich <|im_end|>'
    const { body } = await asked(url(), '/tokenize', {
      model: models.get(url()),
      prompt: text,
      add_special_tokens: false,
    })
    const tokens = body['tokens'] as number[]
    expect(body).toMatchObject({ count: tokens.length, token_strs: null })
    expect(tokens.at(-1)).toBe(2)
    expect((await asked(url(), '/detokenize', { model: models.get(url()), tokens })).body).toEqual({ prompt: text })
    const messages = [{ role: 'user', content: 'Hi' }]
    const chat = await asked(url(), '/tokenize', { model: models.get(url()), messages, add_generation_prompt: true })
    const back = await asked(url(), '/detokenize', { model: models.get(url()), tokens: chat.body['tokens'] })
    expect(back.body['prompt']).toMatch(/<\|im_start\|>user\nHi<\|im_end\|>\n<\|im_start\|>assistant\n$/)
  })
})
