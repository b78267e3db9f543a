/** The encoder as a user meets it: one on a server, and the command that exports one. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEmbedder } from '../../adapters/onnx/index.ts'
import type { Embedder } from '../../method/ports.ts'
import { serving, type Served } from '../adapters/embeddings/serving.ts'
import { encoderFolder } from '../adapters/onnx/model.ts'
import { folder, run } from './command.ts'

const here = folder()
afterAll(here.remove)
const gainstream = (...args: string[]) => run(args, { cwd: here.path })

describe('an encoder on a server', () => {
  const corpus = join(here.path, 'corpus.jsonl')
  const key = 'hunter2-of-the-encoder'
  let [one, other]: Embedder[] = []
  let server: Served
  beforeAll(async () => {
    const model = await encoderFolder()
    one = await openEmbedder({ folder: model, workers: 1 })
    other = await openEmbedder({ folder: model, usage: { pooling: 'cls' }, workers: 1 })
    server = await serving({ embedder: one, apiKey: key })
    const passages = ['Etna is a volcano in Sicily.', 'A violin has four strings.', 'Rye bread needs acid.']
    writeFileSync(corpus, passages.map((text, i) => JSON.stringify({ id: `p${i}`, title: '', text })).join('\n'))
    writeFileSync(join(here.path, 'key'), key)
  })
  afterAll(async () => {
    await server.stop()
    await Promise.all([one?.close(), other?.close()])
  })
  const index = (run: string) =>
    gainstream(
      ...['index', corpus, '--run', run, '--set', 'encoder.engine=server', '--set', `encoder.urls=${server.url}/v1`],
      ...['--set', 'encoder.api_key_file=key', '--set', 'encoder.max_tokens=64', '--log', 'debug'],
    )

  test('embeds a corpus, and its key is nowhere in what is said', async () => {
    const { code, stdout, stderr } = await index('first')
    expect([code, stdout]).toEqual([0, expect.stringContaining('indexed 3 of 3 passages')])
    expect(server.asked.at(-1)).toMatchObject({ model: 'minilm', truncate_prompt_tokens: 64 })
    expect(stdout + stderr).not.toContain(key)
  })

  test('that has another model behind its name is refused by the collection', async () => {
    server.change({ embedder: other! })
    const { code, stderr } = await index('second')
    server.change({ embedder: one! })
    expect([code, stderr]).toEqual([1, expect.stringContaining('holds vectors of minilm')])
  })
})

describe('gainstream model export', () => {
  test.each<[string[], number, string]>([
    [['nowhere'], 1, 'gainstream: there is no folder nowhere, and it is no name on the hub (organisation/model)\n'],
    [['.', '--to', '.'], 1, 'gainstream: . is there already: name another folder with --to, or delete it\n'],
    [['.', '--to', 'made', '--preset', 'e6'], 1, 'the setting encoder.preset is "e6" and must be'],
    [['.', '--to', 'made', '--precision', 'int4'], 2, 'It must be fp32 or int8'],
    [['.', '--to', 'made'], 1, 'holds no model.safetensors and no pytorch_model.bin'],
  ])('%j ends with %i and a sentence, and makes nothing', async (args, expected, sentence) => {
    const before = readdirSync(here.path)
    const { code, stdout, stderr } = await gainstream('model', 'export', ...args)
    expect([code, stdout, stderr]).toEqual([expected, '', expect.stringContaining(sentence)])
    expect(existsSync(join(here.path, 'made'))).toBe(false)
    expect(readdirSync(here.path)).toEqual(before)
  })
})
