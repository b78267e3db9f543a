/** Against Transformers itself, in the Python that vLLM runs in; no server is asked. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { presets } from '../../../adapters/models/presets.ts'
import { python } from '../../../adapters/models/python.ts'
import { openEmbedder } from '../../../adapters/onnx/index.ts'
import { vllmEnvironment } from '../../../adapters/stack/index.ts'
import { home } from '../onnx/model.ts'
import { workshop } from './original.ts'

const here = workshop()
afterAll(here.remove)
const normalising = {
  'modules.json': [
    { type: 'sentence_transformers.models.Transformer', path: '' },
    { type: 'sentence_transformers.models.Pooling', path: '1_Pooling' },
    { type: 'sentence_transformers.models.Normalize', path: '2_Normalize' },
  ],
  '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false },
  'sentence_bert_config.json': { max_seq_length: 200, do_lower_case: false },
  'config_sentence_transformers.json': { prompts: { query: 'ask: ', document: '' } },
}
const kinds = ['roberta', 'xlm-roberta', 'camembert', 'distilbert', 'mpnet']
const original = await here.make([
  { name: 'contriever', kind: 'bert', layers: 12, hidden: 768, heads: 12 },
  ...kinds.map((kind) => ({ name: kind, kind })),
  ...['own', 'eight', 'other', 'stopped'].map((name) => ({ name, kind: 'bert' })),
  ...['pickled', 'malicious'].map((name) => ({ name, kind: 'bert', pickle: true })),
])
const left = () => readdirSync(here.folder).filter((name) => name.includes('-exported'))

test('BERT with mean pooling and no normalisation, at the size of Contriever, equals Transformers on 50 texts', async () => {
  const model = original('contriever')
  const { parity, settings } = await here.export(model, { usage: presets.contriever })
  expect(settings).toMatchObject({ pooling: 'mean', normalised: false, dimension: 768, max_tokens: 512 })
  expect(parity.texts).toBe(50)
  expect(parity.difference).toBeLessThanOrEqual(1e-4)
  expect(parity.cosine.least).toBeGreaterThan(0.999999)
})

describe('a small model', () => {
  test.each(kinds)('of the kind %s equals Transformers', async (kind) => {
    const model = original(kind)
    const { parity } = await here.export(model, { usage: presets.contriever })
    expect(parity.difference).toBeLessThanOrEqual(1e-4)
  })

  test('is used as its own files say: pooling, length, prefixes and normalisation', async () => {
    const model = original('own')
    here.describe(model, normalising)
    const { settings, folder } = await here.export(model)
    expect(settings).toEqual({
      ...{ model: 'own', dimension: 96, pooling: 'cls', normalised: true, max_tokens: 200 },
      ...{ query_prefix: 'ask: ', passage_prefix: '' },
    })
    expect(readdirSync(folder).toSorted()).toEqual(['encoder.json', 'model.onnx', 'tokenizer.json'])
    const embedder = await openEmbedder({ folder, workers: 1 })
    const [vector] = await embedder.embed(['basalt'], 'query', new AbortController().signal)
    await embedder.close()
    expect(Math.hypot(...vector!)).toBeCloseTo(1, 5)
  })

  test('in 8 bits is near enough', async () => {
    const model = original('eight')
    const { parity } = await here.export(model, { usage: presets.e5, precision: 'int8' })
    expect(parity.cosine.mean).toBeGreaterThan(0.99)
    expect(parity.cosine.mean).toBeLessThan(0.9999999)
  })

  test('whose weights are a pickle of tensors is read', async () => {
    const model = original('pickled')
    const { parity } = await here.export(model, { usage: presets.contriever })
    expect(parity.difference).toBeLessThanOrEqual(1e-4)
  })

  test('whose weights are a pickle that would run something is refused, and it does not run', async () => {
    const model = original('malicious')
    const ran = join(here.folder, 'ran')
    const code = [
      'import os, sys, torch',
      'class Runs:',
      '    def __reduce__(self): return (os.mkdir, (sys.argv[2],))',
      'torch.save({"embeddings.word_embeddings.weight": Runs()}, sys.argv[1])',
    ].join('\n')
    const environment = await vllmEnvironment({ home })
    await python({ args: ['-c', code, join(model, 'pytorch_model.bin'), ran], environment })
    await expect(here.export(model, { usage: presets.contriever })).rejects.toMatchObject({
      name: 'Fatal',
      message: expect.stringMatching(/pytorch_model\.bin holds something else than tensors/) as string,
    })
    expect(existsSync(ran)).toBe(false)
    expect(left()).not.toContain('malicious-exported')
  })

  test('that computes something else than its original is refused, and nothing is left', async () => {
    const model = original('other')
    const file = join(model, 'config.json')
    const config = JSON.parse(readFileSync(file, 'utf8')) as object
    // Transformers and the graph read this setting in the same way; only the second is to see it changed.
    const spoil = () => writeFileSync(file, JSON.stringify({ ...config, layer_norm_eps: 0.5 }))
    const failing = here.export(model, {
      usage: presets.contriever,
      onProgress: (_, done) => void (done === 2 && spoil()),
    })
    await expect(failing).rejects.toMatchObject({
      name: 'Fatal',
      message: expect.stringMatching(/the fp32 form of other does not compute what Transformers does/) as string,
    })
    expect(left().filter((name) => name.startsWith('other'))).toEqual([])
  })

  test('whose export is stopped leaves nothing', async () => {
    const model = original('stopped')
    const stop = new AbortController()
    const onProgress = (what: string, done: number) =>
      void (what.startsWith('exporting') && done === 1 && setTimeout(() => stop.abort(), 500))
    await expect(here.export(model, { usage: presets.contriever, signal: stop.signal, onProgress })).rejects.toThrow(
      /abort/i,
    )
    expect(left().filter((name) => name.startsWith('stopped'))).toEqual([])
  })
})
