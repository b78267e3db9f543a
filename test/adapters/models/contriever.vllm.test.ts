/**
 * Contriever's path from end to end, without its weights: a BERT as Contriever uses one, with generated weights, becomes
 * an encoder; Transformers' own vectors of a corpus, in shards as Contriever's authors publish them, become a collection;
 * and a question finds its passages in the order that Transformers' numbers have.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openStores } from '../../../cli/collections.ts'
import { readConfig } from '../../../cli/config.ts'
import { openEncoder } from '../../../cli/encoders.ts'
import { presets } from '../../../adapters/models/presets.ts'
import { python } from '../../../adapters/models/python.ts'
import { vllmEnvironment } from '../../../adapters/stack/index.ts'
import { run } from '../../cli/command.ts'
import { home } from '../onnx/model.ts'
import { workshop } from './original.ts'

const here = workshop()
afterAll(here.remove)
const { signal } = new AbortController()
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const [count, width] = [60, 96]
const words = 'basalt river engine quartz harbour violin senate glacier copper orchard'.split(' ')
const passages = Array.from({ length: count }, (_, i) => ({
  title: `${words[i % 10]} ${i}`,
  text: Array.from({ length: 5 + ((7 * i) % 40) }, (_, j) => words[(i * i + 3 * j + i * j) % 10]).join(' '),
}))

test('shards in the published format are searched by the exported encoder as Transformers ranks them', async () => {
  const model = (await here.make([{ name: 'own', kind: 'bert' }]))('own')
  const { folder } = await here.export(model, { usage: presets.contriever })
  const [corpus, shards] = [join(here.folder, 'psgs_w100.tsv'), join(here.folder, 'shards')]
  const rows = passages.map(({ title, text }, i) => `${i + 1}\t${text}\t${title}\n`)
  writeFileSync(corpus, `id\ttext\ttitle\n${rows.join('')}`)
  mkdirSync(shards)
  const args = [join(import.meta.dirname, 'shards.py'), model, corpus, shards, '3']
  await python({ args, environment: await vllmEnvironment({ home }) })

  const set = [`data=${join(here.folder, 'data')}`, `encoder.model=${folder}`]
  const flags = set.flatMap((each) => ['--set', each])
  const loaded = await run(['index', corpus, '--embeddings', shards, '--run', 'wiki', ...flags], { cwd: here.folder })
  expect(loaded).toMatchObject({ code: 0, stdout: expect.stringContaining(`loaded ${count} passages`) as string })

  const numbers = new Float32Array(Uint8Array.from(readFileSync(join(here.folder, 'wanted.f32'))).buffer)
  const wanted = passages.map((_, i) => numbers.subarray(i * width, (i + 1) * width))
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const config = readConfig({ env: {}, set })
  const embedder = await openEncoder(config, { home, onProgress: () => {}, logger })
  const stores = await openStores(config, embedder.identity)
  try {
    const vectors = await embedder.embed(passages.map(({ title, text }) => `${title} ${text}`), 'query', signal) // prettier-ignore
    for (const [i, vector] of vectors.entries()) {
      const found = await stores.search.near(vector, count, signal)
      expect(found).toHaveLength(count)
      for (const { passage, score } of found) {
        const own = dot(wanted[i]!, wanted[Number(passage.id) - 1]!)
        expect(Math.abs(score - own)).toBeLessThan(1e-3 * Math.abs(own) + 1e-3)
        expect(passage).toMatchObject(passages[Number(passage.id) - 1]!)
      }
    }
  } finally {
    await stores.close()
    await embedder.close()
  }
})
