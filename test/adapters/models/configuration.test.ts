import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { configured, weightsIn } from '../../../adapters/models/configuration.ts'
import { exportEncoder } from '../../../adapters/models/export.ts'

const scratch = mkdtempSync(join(tmpdir(), 'configuration-'))
afterAll(() => rmSync(scratch, { recursive: true }))

let count = 0
/** A folder with these files, JSON but for texts. */
const folder = (files: Readonly<Record<string, unknown>>) => {
  const path = join(scratch, String(++count))
  mkdirSync(path)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return path
}
const bert = { model_type: 'bert', hidden_size: 384, max_position_embeddings: 512 }
const module = (kind: string, path = '') => ({ type: `sentence_transformers.models.${kind}`, path })

test('a bare model of Transformers says its size and its length, and nothing of how vectors are made', async () => {
  const path = folder({ 'config.json': bert, 'tokenizer_config.json': { model_max_length: 256 } })
  expect(await configured(path)).toEqual({
    ...{ dimension: 384, kind: 'bert', positions: 512, lowers: false, usage: { max_tokens: 256 } },
  })
})

test('the files of sentence-transformers say the rest', async () => {
  const path = folder({
    'config.json': bert,
    'tokenizer_config.json': { model_max_length: 512 },
    'modules.json': [module('Transformer'), module('Pooling', 'pool'), module('Normalize')],
    'pool/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false },
    'sentence_bert_config.json': { max_seq_length: 128, do_lower_case: true },
    'config_sentence_transformers.json': { prompts: { query: 'query: ', passage: 'passage: ' } },
  })
  const usage = {
    pooling: 'cls',
    normalised: true,
    max_tokens: 128,
    query_prefix: 'query: ',
    passage_prefix: 'passage: ',
  }
  expect(await configured(path)).toMatchObject({ usage, lowers: true })
})

test('newer files name the way of pooling, and their modules live elsewhere', async () => {
  const modules = [{ type: 'sentence_transformers.base.modules.transformer.Transformer', path: '' }, module('Pooling', '1_Pooling')] // prettier-ignore
  const path = folder({
    'config.json': bert,
    'modules.json': modules,
    '1_Pooling/config.json': { pooling_mode: 'mean' },
  })
  expect((await configured(path)).usage).toEqual({ pooling: 'mean', normalised: false })
})

test('positions that count from behind the padding token reach less far', async () => {
  const roberta = { model_type: 'xlm-roberta', hidden_size: 8, max_position_embeddings: 514, pad_token_id: 1 }
  expect((await configured(folder({ 'config.json': roberta }))).positions).toBe(512)
  const distilbert = { model_type: 'distilbert', dim: 8, max_position_embeddings: 512 }
  expect(await configured(folder({ 'config.json': distilbert }))).toMatchObject({ dimension: 8, positions: 512 })
})

test.each([
  ['no configuration', {}, /holds no config\.json: name the folder of a model/],
  ['a broken one', { 'config.json': '{' }, /config\.json cannot be read/],
  ['one of something else', { 'config.json': { model_type: 'llama' } }, /lacks hidden_size or max_position_embeddings/],
  [
    'a way of pooling that we have not',
    { 'config.json': bert, '1_Pooling/config.json': { pooling_mode_max_tokens: true } },
    /pools by max, which cannot be exported/,
  ],
  [
    'two ways at once',
    { 'config.json': bert, '1_Pooling/config.json': { pooling_mode_mean_tokens: true, pooling_mode_cls_token: true } },
    /pools by mean and cls/,
  ],
  [
    'a further layer',
    { 'config.json': bert, 'modules.json': [module('Transformer'), module('Dense', '2_Dense')] },
    /has a module Dense, which cannot be exported/,
  ],
])('a folder with %s is refused with a sentence', async (_, files, sentence) => {
  await expect(configured(folder(files))).rejects.toMatchObject({
    name: 'Fatal',
    message: expect.stringMatching(sentence) as string,
  })
})

test('weights are one file of tensors, or an old pickle', () => {
  expect(weightsIn(folder({ 'model.safetensors': '', 'pytorch_model.bin': '' }))).toBe('model.safetensors')
  expect(weightsIn(folder({ 'pytorch_model.bin': '' }))).toBe('pytorch_model.bin')
  expect(() => weightsIn(folder({}))).toThrow('there is nothing to export')
  expect(() => weightsIn(folder({ 'model.safetensors.index.json': {} }))).toThrow('only weights in several files')
})

test.each([
  ['nowhere', 'there is no folder nowhere, and it is no name on the hub'],
  [folder({ 'config.json': bert }), 'there is nothing to export'],
  [folder({ 'config.json': bert, 'model.safetensors': '' }), 'name a preset, e.g. --preset contriever'],
])('what cannot be exported is refused before anything is installed or made: %#', async (source, sentence) => {
  const [home, to] = [join(scratch, 'home'), join(scratch, 'made')]
  const { signal } = new AbortController()
  const failing = exportEncoder({ source, to, precision: 'fp32', home, signal, onProgress: () => {} })
  await expect(failing).rejects.toMatchObject({ name: 'Fatal', message: expect.stringContaining(sentence) as string })
  const taken = exportEncoder({ source, to: scratch, precision: 'fp32', home, signal })
  await expect(taken).rejects.toThrow(/is there already: name another folder with --to/)
})
