/** Scorer and reader on a real vLLM server keep what their ports promise. */
import { afterAll, describe, expect, test } from 'vitest'
import { openServer } from '../../../adapters/vllm/client.ts'
import { openVllm, type OpenVllm, type VllmOptions } from '../../../adapters/vllm/index.ts'
import type { Row } from '../../../method/contrast.ts'
import { answering } from '../../../method/prompt.ts'
import { Fatal } from '../../../runtime/errors.ts'
import type { Passage } from '../../../schemas/passage.ts'
import { readerContract } from '../../contracts/reader.ts'
import { farthest, passages, question, request, scorerContract } from '../../contracts/scorer.ts'
import { promptsOf } from './prompts.ts'

const url = process.env['GAINSTREAM_TEST_VLLM'] ?? ''
const tokenizer = process.env['GAINSTREAM_TEST_VLLM_MODEL'] ?? ''
const never = new AbortController().signal
const contextSize = 768
const closers: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closers) await close()
})

const opened = async (options: Partial<VllmOptions> = {}): Promise<OpenVllm> => {
  const vllm = await openVllm({ source: { kind: 'list', urls: [url] }, contextSize, tokenizer, ...options })
  closers.push(vllm.close)
  return vllm
}
const many = opened()
many.catch(() => {}) // each test that awaits it says why

/** Whole rows from the server itself, one token of the answer after the other: the oracle of the definition. */
const rows = async (some: readonly Passage[], answer: string): Promise<{ rows: Row[]; tokens: number[] }> => {
  const server = openServer({ address: { key: url, url } })
  try {
    const prompts = await promptsOf(server, tokenizer, contextSize)
    const prompt = await prompts.prompt(answering, question, some, never)
    const tokens = [...(await prompts.answer(answer, never))]
    const row = async (t: number): Promise<Row> => {
      const asked = { prompts: [[...prompt, ...tokens.slice(0, t)]], maxTokens: 1, likeliest: -1 }
      const [step] = (await server.complete(asked, never)).choices[0]!.steps
      return Float64Array.from({ length: step!.size }, (_, token) => step!.get(token)!)
    }
    const found: Row[] = []
    for (const t of tokens.keys()) found.push(await row(t))
    return { rows: found, tokens }
  } finally {
    await server.close()
  }
}

scorerContract('SmolLM2 in float32 on vLLM', async () => ({ scorer: (await many).scorer, rows, contextSize }))
readerContract('SmolLM2 in float32 on vLLM', async () => ({ reader: (await many).reader, contextSize }))

describe('on a real vLLM server', () => {
  const contrasts = async ({ scorer }: OpenVllm, changes: Parameters<typeof request>[0]) => {
    const { passages: scored } = await scorer.score(request(changes), never)
    return scored.map((one) => ('unscored' in one ? [] : one.answers.map(({ contrast }) => contrast)))
  }

  test('three α in one pass give what three passes give', async () => {
    const together = await contrasts(await many, { alphas: [0.25, 0.5, 2] })
    for (const [i, alpha] of [0.25, 0.5, 2].entries()) {
      const alone = await contrasts(await many, { alphas: [alpha] })
      const mine = together.flatMap((some) => some.flatMap((contrast) => contrast[i]!))
      expect(farthest(mine, alone.flat(3))).toBeLessThan(1e-3) // other batches add up in other orders
    }
  })

  test('more golds than a row can carry figures of are measured all the same', async () => {
    const answers = Array.from(
      { length: 70 },
      (_, i) => `the ${['Danube', 'Rhine', 'Elbe'][i % 3]} ${String.fromCharCode(65 + (i % 26))}${i}`,
    )
    const some = { answers, passages: passages.slice(0, 1), alphas: [0.5, 1, 2] }
    const all = await contrasts(await many, some)
    const few = await contrasts(await many, { ...some, answers: answers.slice(60, 63) })
    expect(all[0]!.length).toBe(70)
    expect(farthest(all[0]!.slice(60, 63).flat(2), few[0]!.flat(2))).toBeLessThan(1e-3)
  })

  test('the server tokenises as the tokenizer of its model does', async () => {
    const served = await opened({ tokenizer: undefined })
    const [theirs, ours] = [await contrasts(served, {}), await contrasts(await many, {})]
    expect(farthest(theirs.flat(3), ours.flat(3))).toBeLessThan(1e-3)
  })

  test('a plain measurement needs no plugin and gives the same plain figures', async () => {
    const plain = await opened({ measure: 'plain' })
    const scores = await plain.scorer.score(request({ alphas: [] }), never)
    const exact = await (await many).scorer.score(request(), never)
    const figures = ({ passages: scored }: typeof scores) =>
      scored.flatMap((one) => ('unscored' in one ? [] : one.answers.flatMap((answer) => answer.plain)))
    expect(farthest(figures(scores), figures(exact))).toBeLessThan(1e-3)
    expect(farthest(scores.base.flat(), exact.base.flat())).toBeLessThan(1e-3)
    expect([plain.scorer.exact, scores.identity?.plugin]).toEqual([true, ''])
  })

  test('an approximate measurement needs no plugin, says so, and keeps the order of clear passages', async () => {
    const approximate = await opened({ approximate: true })
    expect(approximate.scorer.exact).toBe(false)
    const means = async (from: OpenVllm) =>
      (await contrasts(from, { answers: ['Danube'], alphas: [0.5] })).map((some) =>
        some.flat(2).reduce((a, b) => a + b, 0),
      )
    // Figures of passages that have nothing to do with the question were seen several nats away: only the order holds.
    const about = await means(approximate)
    expect(about[0]).toBeGreaterThan(about[2]!)
  })

  test('another model’s tokenizer is refused with a sentence', async () => {
    const other = new URL('./other-tokenizer.json', import.meta.url).pathname
    await expect(opened({ tokenizer: other })).rejects.toThrow(/makes other tokens of a prompt than .* name the folder/)
  })

  test('a model that is not served and a context that is too small are refused with a sentence', async () => {
    await expect(opened({ model: 'llama-70b' })).rejects.toThrow(/does not serve the model llama-70b/)
    await expect(opened({ contextSize: 100_000 })).rejects.toThrow(/--max-model-len 100000/)
    await expect(opened({ contextSize: 100_000 })).rejects.toThrow(Fatal)
  })

  test('what a server said of itself stands in its identity', async () => {
    const { identity } = (await many).scorer
    expect(identity).toMatchObject({ dtype: 'float32', runner: 'v1' })
    expect(identity.server).toMatch(/^vLLM \d+\.\d+/)
    expect(identity.plugin).toMatch(/^gain-logits \d/)
    expect(identity.revision).toMatch(/\w{16}/)
    expect(identity.model).not.toContain('/tmp')
  })
})
