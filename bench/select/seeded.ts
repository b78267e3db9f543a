/**
 * A cross-encoder at the size of MiniLM whose head has seeded weights: what can be computed and timed without a reranker
 * that was trained. Made once, in the state folder.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { originalEncoder } from '../../adapters/models/encoder.ts'
import { once, python, pythonFile, pythonPackages } from '../../adapters/models/python.ts'
import { sha256 } from '../../adapters/onnx/folder.ts'
import type { SelectorSettings } from '../../method/selector.ts'

const script = join(import.meta.dirname, 'seeded.py')
const prepare = ['encoder.py', 'cross_encoder.py', 'families.py'].map((file) => pythonFile(`prepare/${file}`))
export const precisions = ['fp32', 'int8'] as const

export interface Seeded {
  /** As Transformers keeps it. */
  readonly original: string
  /** Selectors, by precision. */
  readonly fp32: string
  readonly int8: string
}

export const encoder: NonNullable<SelectorSettings['encoder']> = {
  max_tokens: 512,
  pair: { query: '{question}', passage: '{title}\n{text}' },
  inputs: ['input_ids', 'attention_mask', 'token_type_ids'],
  output: 'logits',
}

/** selector.json of what lies in the folder. */
export const describeFolder = async (folder: string, change: Partial<SelectorSettings> = {}): Promise<void> => {
  const files = ['model.onnx', 'tokenizer.json']
  const hashes = await Promise.all(files.map(async (name) => [name, await sha256(join(folder, name))] as const))
  const settings: SelectorSettings = {
    ...{ format: 1, name: 'seeded-cross-encoder', encoder, linear: null, min_score: null, trained: null },
    sha256: Object.fromEntries(hashes),
    ...change,
  }
  writeFileSync(join(folder, 'selector.json'), `${JSON.stringify(settings, null, 2)}\n`)
}

const make = async (folder: string, home: string) => {
  const [packages, source] = await Promise.all([
    pythonPackages(pythonFile('prepare/requirements.txt'), home),
    originalEncoder(home),
  ])
  const original = join(folder, 'original')
  mkdirSync(original)
  await python({ args: [script, source, original], packages })
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'vocab.txt', 'special_tokens_map.json'])
    copyFileSync(join(source, file), join(original, file))
  const files = ['--weights', join(original, 'model.safetensors'), '--config', join(original, 'config.json')]
  await python({ args: [pythonFile('prepare/cross_encoder.py'), ...files, '--out', folder], packages })
  for (const precision of precisions) {
    const selector = join(folder, precision)
    mkdirSync(selector)
    renameSync(join(folder, `model.${precision}.onnx`), join(selector, 'model.onnx'))
    copyFileSync(join(source, 'tokenizer.json'), join(selector, 'tokenizer.json'))
    await describeFolder(selector)
  }
}

export const home = process.env['GAINSTREAM_HOME'] ?? join(homedir(), '.cache', 'gainstream')

/** @throws Fatal where there is no Python; Unavailable where the packages cannot be had */
export const seeded = async (): Promise<Seeded> => {
  const recipe = createHash('sha256')
  for (const file of [script, ...prepare]) recipe.update(readFileSync(file))
  recipe.update(JSON.stringify(encoder))
  const folder = join(home, 'bench', `cross-encoder-${recipe.digest('hex').slice(0, 12)}`)
  await once(folder, (aside) => make(aside, home))
  return { original: join(folder, 'original'), fp32: join(folder, 'fp32'), int8: join(folder, 'int8') }
}
