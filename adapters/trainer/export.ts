/** A trained model becomes selector folders: graphs written by hand, settings, and a proof before a folder is there. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { CrossEncoder, SelectorSettings } from '../../method/selector.ts'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { writeSelector } from '../selectors/index.ts'
import { python, pythonFile, pythonPackages } from '../models/python.ts'
import { compared, proved, type LogitParity } from './parity.ts'
import type { TrainedMetrics, TrainRequest } from './train.ts'
import { readOrigin, type ReferencePairs, type Summary } from './trained.ts'

const graphs = (args: readonly string[], packages: string, signal: AbortSignal) =>
  python({ args: [pythonFile('selector-trainer/export.py'), ...args], packages, signal })

const preparing = (home: string) => pythonPackages(pythonFile('prepare/requirements.txt'), home)

/** Refuses a kind of model that could not be exported before it is trained. A name on the hub is looked at later. */
export const checkBase = async (base: string, home: string, signal: AbortSignal): Promise<void> => {
  if (!existsSync(join(base, 'config.json'))) {
    if (existsSync(base)) throw new Fatal(`${base} holds no config.json: name the folder of a model of Transformers`)
    return
  }
  await graphs([base, '--check'], await preparing(home), signal).catch((error: unknown) => {
    if (signal.aborted || error instanceof Fatal) throw error
    throw new Fatal(`${base} cannot be made a selector of: ${sentence(error)}`, { cause: error })
  })
}

interface Parts {
  readonly request: TrainRequest
  readonly trained: string
  readonly material: string
  /** Of the model, for people. */
  readonly base: string
  readonly summary: Summary
  readonly pairs: ReferencePairs
  readonly step: (what: string, done: number, total?: number) => void
}

interface Exported {
  readonly folder: string
  readonly int8Folder: string | undefined
  readonly parity: TrainedMetrics['parity']
  /** Folders that nobody needs any more. */
  readonly spent: readonly string[]
}

/** As the trainer writes pairs. */
const pair: CrossEncoder['pair'] = { query: '{question}', passage: '{title}\n{text}' }

type Settings = Omit<SelectorSettings, 'sha256' | 'format'>

const hasKinds = async (trained: string): Promise<boolean> => {
  const { model_type } = JSON.parse(await readFile(join(trained, 'config.json'), 'utf8')) as { model_type: string }
  return model_type !== 'distilbert' && model_type !== 'mpnet'
}

const settingsOf = async ({ request, trained, material, base, summary }: Parts): Promise<Settings> => {
  const { prompts, prompt, ...origin } = await readOrigin(material)
  const { groups, seed, at, max_tokens, linear } = summary
  const inputs = ['input_ids', 'attention_mask', ...((await hasKinds(trained)) ? ['token_type_ids'] : [])]
  return {
    name: request.name,
    encoder: { max_tokens, pair, inputs, output: 'logits' },
    linear,
    min_score: null,
    trained: { base, ...origin, prompts: prompts ?? (prompt === undefined ? [] : [prompt]), groups, seed, at },
  }
}

/** Compared without its linear part, which is no part of the model; then written whole. */
const made = async (kind: 'fp32' | 'int8', to: string, work: string, settings: Settings, parts: Parts) => {
  const [model, tokenizer] = await Promise.all([
    readFile(join(work, `model.${kind}.onnx`)),
    readFile(join(parts.trained, 'tokenizer.json')),
  ])
  const files = { 'model.onnx': model, 'tokenizer.json': tokenizer }
  const bare = join(work, kind)
  await writeSelector(bare, { ...settings, linear: null }, files)
  const parity = proved(kind, await compared(bare, parts.pairs, parts.request.signal))
  await writeSelector(to, settings, files)
  return parity
}

/** A form in 8 bits that differs too much is left out, and said so: the one in full precision stands. */
const made8 = async (to: string, work: string, settings: Settings, parts: Parts): Promise<LogitParity | null> => {
  try {
    return await made('int8', to, work, { ...settings, name: `${settings.name}-int8` }, parts)
  } catch (error) {
    if (parts.request.signal.aborted || !(error instanceof Fatal)) throw error
    parts.request.onProgress?.({ kind: 'alarm', words: error.message })
    return null
  }
}

const checkpoints = async (trained: string) =>
  (await readdir(dirname(trained))).filter((name) => /^step-\d+$/.test(name)).map((name) => join(dirname(trained), name)) // prettier-ignore

/** @throws Fatal when it computes something else than was trained; then there is no folder */
export const exported = async (parts: Parts): Promise<Exported> => {
  const { request, trained, pairs, step } = parts
  const { signal, home, int8 = true } = request
  const [to, to8] = [resolve(request.out), resolve(`${request.out}-int8`)]
  const work = join(dirname(trained), 'export')
  await rm(work, { recursive: true, force: true })
  await mkdir(work)
  const total = int8 ? 3 : 2
  step('exporting the selector, step', 0, total)
  const kinds = ['--kinds', 'fp32', ...(int8 ? ['int8'] : [])]
  await graphs([trained, work, ...kinds], await preparing(home), signal).catch((error: unknown) => {
    if (signal.aborted) throw error
    throw new Fatal(`the trained model cannot be exported: ${sentence(error)}`, { cause: error })
  })
  step('exporting the selector, step', 1, total)
  const settings = await settingsOf(parts)
  const full = await made('fp32', to, work, settings, parts)
  step('exporting the selector, step', 2, total)
  const small = int8 ? await made8(to8, work, settings, parts) : null
  if (int8) step('exporting the selector, step', 3, total)
  const agreement = small && { spearman: small.spearman, top: small.top }
  return {
    folder: to,
    int8Folder: small ? to8 : undefined,
    parity: { pairs: pairs.flatMap(({ logits }) => logits).length, fp32: full.difference, int8: agreement },
    spent: [work, ...(await checkpoints(trained))],
  }
}
