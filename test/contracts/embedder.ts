/** What every embedder promises. Call `embedderContract` inside a test file with an open embedder. */
import { describe, expect, test } from 'vitest'
import type { Embedder } from '../../method/ports.ts'

const signal = new AbortController().signal

const texts = [
  'Mount Etna A volcano on the east coast of Sicily that erupts several times in most decades.',
  'Etna',
  'The violin has four strings, tuned in fifths, and is played with a bow of horsehair.',
  'A sourdough loaf rises through wild yeast and bacteria that live in a mix of flour and water; bakers feed it daily.',
  '',
  'Ein Satz in einer anderen Sprache, mit Umlauten: Übergrößenträger.',
]

export const embedderContract = (name: string, open: () => Promise<Embedder>) =>
  describe(`the embedder port: ${name}`, () => {
    const opened = open()
    const embed = async (some: readonly string[], as: 'query' | 'passage' = 'passage') =>
      (await opened).embed(some, as, signal)

    test('every text, an empty one too, becomes one finite vector of the dimension it promises', async () => {
      const { identity } = await opened
      const vectors = await embed(texts)
      expect(vectors.map((vector) => vector.length)).toEqual(texts.map(() => identity.dimension))
      expect(vectors.every((vector) => vector.every(Number.isFinite))).toBe(true)
    })

    test('vectors have length 1 where the identity says that they are normalised', async () => {
      const { identity } = await opened
      for (const vector of await embed(texts))
        if (identity.normalised) expect(Math.sqrt(product(vector, vector))).toBeCloseTo(1, 5)
        else expect(product(vector, vector)).toBeGreaterThan(0)
    })

    test('vectors come in the order of the texts, and neighbours in a batch do not change them', async () => {
      const together = await embed(texts)
      const backwards = (await embed(texts.toReversed())).toReversed()
      const alone: Vector[] = []
      for (const text of texts) alone.push((await embed([text]))[0]) // at once, they would share a batch again
      texts.forEach((_, i) => {
        expect(cosine(together[i], backwards[i])).toBeGreaterThan(0.999)
        expect(cosine(together[i], alone[i])).toBeGreaterThan(0.999)
      })
    })

    test('a question is nearer to the passage that answers it than to others', async () => {
      const [question] = await embed(['which volcano is in Sicily?'], 'query')
      const [etna, , violin, bread] = await embed(texts)
      expect(product(question, etna)).toBeGreaterThan(product(question, violin))
      expect(product(question, etna)).toBeGreaterThan(product(question, bread))
    })

    test('no texts give no vectors', async () => {
      expect(await embed([])).toEqual([])
    })

    test('an aborted call ends with the reason of its signal, and the next call works', async () => {
      const abort = new AbortController()
      const reason = new Error('the caller went away')
      const call = (await opened).embed(texts, 'passage', abort.signal)
      abort.abort(reason)
      await expect(call).rejects.toBe(reason)
      await expect((await opened).embed(texts, 'passage', abort.signal)).rejects.toBe(reason)
      expect(await embed(texts)).toHaveLength(texts.length)
    })

    test('a closed embedder refuses work as unavailable', async () => {
      const embedder = await open()
      await embedder.close()
      await expect(embedder.embed(['late'], 'query', signal)).rejects.toMatchObject({ name: 'Unavailable' })
    })

    test('closing is the end of it', async () => {
      await (await opened).close()
      await (await opened).close()
    })
  })

type Vector = Float32Array | undefined

const product = (a: Vector, b: Vector): number =>
  Array.from(a ?? []).reduce((sum, value, i) => sum + value * (b?.[i] ?? 0), 0)

const cosine = (a: Vector, b: Vector): number => product(a, b) / Math.sqrt(product(a, a) * product(b, b))
