/**
 * An encoder of Transformers becomes an ONNX folder: settings out of its own files, a graph that is written by hand
 * (python/prepare), and a proof against Transformers itself before the folder is there.
 */
import { existsSync, statSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import { sha256 } from '../onnx/folder.ts'
import { openTokenizer, type EncoderSettings } from '../onnx/index.ts'
import { vllmEnvironment, type VllmEnvironment } from '../stack/environment.ts'
import { configured, weightsIn, type Configured } from './configuration.ts'
import { asTheyAre, proved, type Parity, type Precision } from './parity.ts'
import type { Preset } from './presets.ts'
import { once, python, pythonFile, pythonPackages } from './python.ts'

export interface ExportOptions {
  /** Folder of a model of Transformers, or its name on the hub (`organisation/model`). */
  readonly source: string
  /** Folder to make; it must not be there. */
  readonly to: string
  /** Goes before what the model's files say; see presets.ts. */
  readonly usage?: Partial<Preset>
  readonly precision: Precision
  /** Folder of tools and models that all projects of this user share. */
  readonly home: string
  readonly onProgress?: ((what: string, done: number, total?: number) => void) | undefined
  readonly signal: AbortSignal
}

export interface Exported {
  readonly folder: string
  readonly settings: EncoderSettings
  readonly precision: Precision
  readonly parity: Parity
  /** Which original it was held against. */
  readonly against: string
}

const hubName = /^[\w.-]+\/[\w.-]+$/

const download = async (
  name: string,
  folder: string,
  { python: command, env }: VllmEnvironment,
  signal: AbortSignal,
) => {
  await mkdir(folder)
  const online = { HF_HUB_OFFLINE: '0', HF_HUB_DISABLE_PROGRESS_BARS: '1' }
  const args = [pythonFile('encoders/download.py'), name, folder]
  await python({ args, environment: { python: command, env: { ...env, ...online } }, signal }).catch(
    (error: unknown) => {
      if (signal.aborted) throw error
      throw new Unavailable(
        `the encoder ${name} cannot be fetched from the hub (${sentence(error)}): is there a network, and is it public? ` +
          'A folder that holds it will do, too',
        { cause: error },
      )
    },
  )
  return folder
}

/** A folder of this machine; undefined: a name on the hub. @throws Fatal where it is neither */
const localFolder = (source: string): string | undefined => {
  const folder = resolve(source)
  if (!existsSync(folder)) {
    if (hubName.test(source)) return undefined
    throw new Fatal(`there is no folder ${source}, and it is no name on the hub (organisation/model)`)
  }
  if (statSync(folder).isDirectory()) return folder
  throw new Fatal(`${source} is no folder: name the folder of a model of Transformers`)
}

/** @throws Fatal that says what must be told, because no file of the model tells it */
const settingsOf = (
  name: string,
  { dimension, usage: own, positions }: Omit<Configured, 'lowers'>,
  given: Partial<Preset>,
): EncoderSettings => {
  const { pooling, normalised, query_prefix = '', passage_prefix = '', max_tokens = positions } = { ...own, ...given }
  if (pooling === undefined || normalised === undefined)
    throw new Fatal(
      `the files of ${name} do not say how its vectors are made (1_Pooling/config.json, modules.json): name a preset, ` +
        'e.g. --preset contriever, or set encoder.pooling and encoder.normalised',
    )
  const longest = Math.min(max_tokens, positions)
  return { model: name, dimension, pooling, normalised, query_prefix, passage_prefix, max_tokens: longest }
}

interface Parts {
  readonly source: string
  readonly work: string
  readonly settings: EncoderSettings
  readonly environment: VllmEnvironment
  readonly options: ExportOptions
}

/** What Transformers makes of the texts; along the way, weights and a tokenizer in the form that is needed. */
const referenced = async ({ source, work, settings, environment, options: { signal } }: Parts) => {
  const texts = join(work, 'texts.json')
  await writeFile(texts, JSON.stringify(asTheyAre(settings)))
  const { pooling, normalised, max_tokens } = settings
  const how = ['--pooling', pooling, '--tokens', String(max_tokens), ...(normalised ? ['--normalised'] : [])]
  const args = [pythonFile('encoders/reference.py'), source, texts, work, ...how]
  await python({ args, environment, signal }).catch((error: unknown) => {
    if (signal.aborted) throw error
    throw new Fatal(`Transformers cannot use ${settings.model}: ${sentence(error)}`, { cause: error })
  })
  return JSON.parse(await readFile(join(work, 'reference.json'), 'utf8')) as {
    transformers: string
    vectors: number[][]
  }
}

const tokenizerOf = ({ source, work }: Parts) => {
  const own = join(source, 'tokenizer.json')
  return existsSync(own) ? own : join(work, 'tokenizer.json')
}

/** sentence-transformers may lower texts itself, which here is the tokenizer's work alone. */
const checkLowering = async (parts: Parts, lowers: boolean) => {
  if (!lowers) return
  const [cased, lowered] = await openTokenizer(tokenizerOf(parts), 16)(['ABC Def', 'abc def'])
  if (String(cased) !== String(lowered))
    throw new Fatal(`${parts.settings.model} lowers texts before its tokenizer sees them, which cannot be exported`)
}

const writeGraph = async (parts: Parts) => {
  const { source, work, settings, options: { home, precision, signal } } = parts // prettier-ignore
  const packages = await pythonPackages(pythonFile('prepare/requirements.txt'), home)
  const weights = weightsIn(source) === 'model.safetensors' ? source : join(work, 'safe')
  const files = ['--weights', join(weights, 'model.safetensors'), '--config', join(source, 'config.json')]
  const args = [pythonFile('prepare/encoder.py'), ...files, '--out', work, '--kinds', precision]
  await python({ args, packages, signal }).catch((error: unknown) => {
    if (signal.aborted) throw error
    throw new Fatal(`${settings.model} cannot be exported: ${sentence(error)}`, { cause: error })
  })
}

const assemble = async (folder: string, parts: Parts) => {
  const files = { 'model.onnx': join(folder, 'model.onnx'), 'tokenizer.json': join(folder, 'tokenizer.json') }
  await rename(join(parts.work, `model.${parts.options.precision}.onnx`), files['model.onnx'])
  await copyFile(tokenizerOf(parts), files['tokenizer.json'])
  const hashes = Object.entries(files).map(async ([name, file]) => [name, await sha256(file)] as const)
  const recorded = { ...parts.settings, sha256: Object.fromEntries(await Promise.all(hashes)) }
  await writeFile(join(folder, 'encoder.json'), `${JSON.stringify(recorded, null, 2)}\n`)
}

/** What can be known before anything is installed. */
const look = async (source: string, name: string, usage: Partial<Preset>) => {
  weightsIn(source)
  const { lowers, ...found } = await configured(source)
  return { lowers, settings: settingsOf(name, found, usage) }
}

const make = async (folder: string, options: ExportOptions): Promise<Exported> => {
  const { home, precision, usage = {}, onProgress, signal } = options
  const local = localFolder(options.source)
  const name = local === undefined ? options.source : basename(local)
  const step = (done: number) => onProgress?.(`exporting ${name}, step`, done, 4)
  const early = local === undefined ? undefined : await look(local, name, usage)
  const work = join(folder, 'work')
  await mkdir(work)
  step(0)
  const environment = await vllmEnvironment({ home, onProgress })
  const source = local ?? (await download(name, join(work, 'source'), environment, signal))
  const { settings, lowers } = early ?? (await look(source, name, usage))
  const parts: Parts = { source, work, settings, environment, options }
  step(1)
  const { transformers, vectors } = await referenced(parts)
  await checkLowering(parts, lowers)
  step(2)
  await writeGraph(parts)
  step(3)
  await assemble(folder, parts)
  const parity = await proved(folder, precision, vectors, signal)
  await rm(work, { recursive: true })
  signal.throwIfAborted()
  step(4)
  return { folder: resolve(options.to), settings, precision, parity, against: `Transformers ${transformers}` }
}

/**
 * @throws Fatal for what is no encoder that can be exported, or when the folder computes something else than the
 * original; Unavailable when what is needed cannot be fetched. Whatever happens, there is a whole folder or none.
 */
export const exportEncoder = async (options: ExportOptions): Promise<Exported> => {
  const to = resolve(options.to)
  if (existsSync(to)) throw new Fatal(`${options.to} is there already: name another folder with --to, or delete it`)
  let exported: Exported | undefined
  await once(to, async (aside) => {
    exported = await make(aside, options)
  })
  return exported!
}
