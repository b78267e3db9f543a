import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import {
  givenScore,
  lightSelector,
  readSelector,
  retrievalOrder,
  writeSelector,
} from '../../../adapters/selectors/index.ts'
import { featureNames } from '../../../method/features.ts'
import type { Linear } from '../../../method/selector.ts'
import { select } from '../../../processors/index.ts'
import { candidate } from '../../method/candidate.ts'
import { choiceOf, choices, selectorContract } from '../../contracts/selector.ts'

const folder = mkdtempSync(join(tmpdir(), 'gainstream-selectors-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** All features, each with another weight. */
const linear: Linear = {
  features: featureNames,
  mean: featureNames.map((_, i) => i / 10),
  scale: featureNames.map((_, i) => 0.5 + i),
  weights: featureNames.map((_, i) => 1 / (i + 1)),
}
const settings = { name: 'light-test', encoder: null, linear, min_score: -2, trained: null }

let made = 0
const written = (change: Partial<typeof settings> = {}, files: Record<string, Uint8Array> = {}) =>
  writeSelector(join(folder, `s${made++}`), { ...settings, ...change }, files)

selectorContract('a light selector', async () => lightSelector(await written()))
selectorContract('retrieval order', async () => retrievalOrder)
selectorContract('given scores', async () => givenScore)

describe('a folder of a selector', () => {
  test('is read as it was written, under the sha256 of its selector.json', async () => {
    const one = await written({}, { 'notes.txt': Buffer.from('hello') })
    const bytes = readFileSync(join(one.path, 'selector.json'))
    expect(one.identity).toEqual({ name: 'light-test', sha256: createHash('sha256').update(bytes).digest('hex') })
    expect(one.settings).toEqual({
      ...{ format: 1, ...settings },
      sha256: { 'notes.txt': createHash('sha256').update('hello').digest('hex') },
    })
    expect(await readSelector(one.path)).toEqual(one)
    expect(lightSelector(one)).toMatchObject({ identity: one.identity, minScore: -2 })
  })

  test('is never written over, and leaves nothing behind where it cannot be made', async () => {
    const { path } = await written()
    const before = readdirSync(folder)
    await expect(writeSelector(path, settings)).rejects.toThrow(/is there already.*name another folder/)
    expect(readdirSync(folder)).toEqual(before)
  })

  test('with a changed or missing file is refused by name', async () => {
    const { path } = await written({}, { 'notes.txt': Buffer.from('hello') })
    writeFileSync(join(path, 'notes.txt'), 'hullo')
    await expect(readSelector(path)).rejects.toThrow(/notes\.txt is not the file that selector\.json names/)
    rmSync(join(path, 'notes.txt'))
    await expect(readSelector(path)).rejects.toThrow(/notes\.txt cannot be read/)
  })

  test('that is none says so', async () => {
    await expect(readSelector(folder)).rejects.toThrow(/selector\.json cannot be read.*a selector is a folder/)
    writeFileSync(join(folder, 'selector.json'), '{"format": 1,')
    await expect(readSelector(folder)).rejects.toThrow(/selector\.json is no JSON/)
    rmSync(join(folder, 'selector.json'))
  })

  const encoder = { max_tokens: 512, pair: { query: '', passage: '' }, inputs: ['input_ids'], output: 'logits' }
  const hash = '0'.repeat(64)
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['another format', { format: 2 }, /'format' must be 1/],
    ['no name', { name: '' }, /'name' must be a text/],
    ['a name that writes lines', { name: 'a\nb' }, /'name' must be a text/],
    ['nothing that scores', { linear: null }, /one of 'encoder' and 'linear'/],
    [
      'an unknown feature',
      { linear: { ...linear, features: ['dense', 'charm'] } },
      /linear\.features.*\(not 'charm'\)/,
    ],
    ['a feature twice', { linear: { ...linear, features: ['dense', 'dense'] } }, /each once/],
    ['too few weights', { linear: { ...linear, weights: [1] } }, /'linear\.weights' has 1 numbers for \d+ features/],
    ['a weight that is no number', { linear: { ...linear, weights: [null] } }, /'linear\.weights' must be a list/],
    ['a scale of 0', { linear: { ...linear, scale: linear.scale.map(() => 0) } }, /'linear\.scale'.*above 0/],
    ['a file of another folder', { sha256: { '../x': hash } }, /'sha256' must name files of the folder itself/],
    ['a cross-encoder without a model', { encoder }, /'sha256' must name model\.onnx/],
    ['an input that nobody makes', { encoder: { ...encoder, inputs: ['pixels'] } }, /'encoder\.inputs' must hold/],
    ['a threshold in words', { min_score: 'low' }, /'min_score' must be a number, or null/],
    ['half an origin', { trained: { run: 'r' } }, /'trained\.base' must be a text, or null/],
    ['a list', { sha256: [] }, /'sha256' must name files/],
  ])('with %s is refused', async (_, change, sentence) => {
    const path = (await written()).path
    const whole = JSON.parse(readFileSync(join(path, 'selector.json'), 'utf8')) as Record<string, unknown>
    writeFileSync(join(path, 'selector.json'), JSON.stringify({ ...whole, ...change }))
    await expect(readSelector(path)).rejects.toThrow(sentence)
  })

  test('of a cross-encoder is not taken for a light one', async () => {
    const files = { 'model.onnx': Buffer.from(''), 'tokenizer.json': Buffer.from('') }
    const both = await writeSelector(join(folder, 'both'), { ...settings, encoder }, files)
    expect(() => lightSelector(both)).toThrow(/holds a cross-encoder/)
  })
})

describe('what a selector must not see', () => {
  const asked = (answers: string[], golds: string[], marks: boolean) => ({
    ...{ run: 'r', asked_at: 1, draft: null, settings: '' },
    query: { id: 'q', question: 'When did Etna erupt?', answers, dataset: '', lang: 'en', gold_passage_ids: golds },
    passages: choices.map((choice, i) => ({
      ...candidate(choice.id, choice.rank, choice),
      ...(marks ? { twin_of: i === 0 ? null : 'etna', same_as: ['violin'], not_available: i % 2 === 0 } : {}),
    })),
  })

  test('golds, answers, twins and flags of candidates change no score of any selector', async () => {
    const light = lightSelector(await written())
    const texts = fc.array(fc.constantFrom('1669', 'volcano', 'yes', ''), { maxLength: 3 })
    const ids = fc.subarray(choices.map(({ id }) => id))
    const scoresOf = async (selector: typeof light, ...given: Parameters<typeof asked>) => {
      const ports = { inForce: () => ({ selector }), keep: 1, abstain: false }
      const [context] = await select.step(asked(...given), ports, new AbortController().signal, {} as never)
      const { scored } = context!.value as { scored: { id: string; score: number }[] }
      return scored.map(({ id, score }) => [id, score])
    }
    /** Scores whatever it is handed. */
    const curious: typeof light = {
      identity: { name: 'curious', sha256: '' },
      score: async (question, handed) => handed.map((choice) => JSON.stringify([question, choice]).length),
    }
    for (const selector of [light, retrievalOrder, givenScore, curious]) {
      const bare = await scoresOf(selector, [], [], false)
      expect(bare).toHaveLength(choices.length)
      await fc.assert(
        fc.asyncProperty(texts, ids, fc.boolean(), async (answers, golds, marks) => {
          expect(await scoresOf(selector, answers, golds, marks)).toEqual(bare)
        }),
        { numRuns: 25 },
      )
    }
  })

  test('but the question and the candidates do', async () => {
    const selector = lightSelector(await written())
    const of = (question: string, some: typeof choices) => selector.score(question, some, new AbortController().signal)
    const before = await of('When did Etna erupt?', choices)
    expect(await of('What has four strings?', choices)).not.toEqual(before)
    expect(await of('When did Etna erupt?', [choiceOf('etna', 1), ...choices.slice(1)])).not.toEqual(before)
  })
})
