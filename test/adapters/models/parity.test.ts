import { describe, expect, test } from 'vitest'
import { asTheyAre, parity, parityTexts, proved } from '../../../adapters/models/parity.ts'
import { openEmbedder } from '../../../adapters/onnx/index.ts'
import { encoderFolder } from '../onnx/model.ts'

const { signal } = new AbortController()

test('fifty texts of many lengths are compared, questions and passages', () => {
  const texts = parityTexts()
  const lengths = texts.map(({ text }) => text.split(' ').length)
  expect([texts.length, lengths[0], lengths.at(-1)]).toEqual([50, 1, 700])
  expect(new Set(lengths).size).toBeGreaterThan(30)
  expect(texts.filter(({ as }) => as === 'query')).toHaveLength(25)
  const settings = { model: '', dimension: 1, pooling: 'mean', normalised: true, max_tokens: 1 } as const
  const [question, passage] = asTheyAre({ ...settings, query_prefix: 'ask: ', passage_prefix: 'tell: ' })
  expect([question, passage]).toEqual([`ask: ${texts[0]!.text}`, `tell: ${texts[1]!.text}`])
})

test('differences count as a share of the length of the original’s vector', () => {
  const far = parity([Float32Array.of(30, 40.5)], [[30, 40]])
  expect(far.difference).toBeCloseTo(0.01, 6)
  expect(far.cosine.mean).toBeLessThan(1)
  expect(parity([Float32Array.of(0.6, 0.8)], [[0.6, 0.8]])).toMatchObject({
    texts: 1,
    cosine: { mean: expect.closeTo(1, 6) as number },
  })
})

describe('a folder', async () => {
  const folder = await encoderFolder()
  const embedder = await openEmbedder({ folder, workers: 1 })
  const reference: number[][] = []
  for (const { text, as } of parityTexts()) reference.push([...(await embedder.embed([text], as, signal))[0]!])
  await embedder.close()

  test('that computes what its original does is accepted', async () => {
    expect((await proved(folder, 'fp32', reference, signal)).difference).toBeLessThan(1e-5)
  })

  test.each(['fp32', 'int8'] as const)(
    'that does not is refused (%s): a wrong number, a missing vector',
    async (precision) => {
      const backwards = reference.map((vector) => vector.toReversed())
      await expect(proved(folder, precision, backwards, signal)).rejects.toThrow(
        /does not compute what Transformers does/,
      )
      const nothing = reference.map((vector) => vector.map(() => NaN))
      await expect(proved(folder, precision, nothing, signal)).rejects.toThrow(
        /does not compute what Transformers does/,
      )
    },
  )

  test('in full precision is held to less than a thousandth', async () => {
    const near = reference.map((vector) => vector.map((value, d) => (d === 0 ? value + 5e-4 : value)))
    await expect(proved(folder, 'fp32', near, signal)).rejects.toThrow(/largest difference 5\.0e-4/)
    expect((await proved(folder, 'int8', near, signal)).cosine.mean).toBeGreaterThan(0.99)
  })
})
