/** From training material and a base model to a selector's folder that computes what was trained. */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'
import { originalEncoder } from '../models/encoder.ts'
import { trainerEnvironment } from './environment.ts'
import { checkBase, exported } from './export.ts'
import type { TrainerOptions } from './options.ts'
import { runTrainer } from './run.ts'
import { readTrained, type Summary } from './trained.ts'

/** One figure of a step or of a look at the development split, as it stands in metrics.jsonl. */
export type TrainingProgress =
  | { readonly kind: 'step'; readonly what: string; readonly done: number; readonly total: number }
  | {
      readonly kind: 'training'
      readonly step: number
      readonly steps: number
      readonly loss: number
      /** Pairs of query and passage a second. */
      readonly rate: number
      /** Seconds. */
      readonly left: number
    }
  | { readonly kind: 'evaluation'; readonly step: number; readonly gain: number; readonly best: boolean }
  | { readonly kind: 'alarm'; readonly words: string }

export interface TrainRequest {
  /** Folder of groups.jsonl and material.json. */
  readonly material: string
  /** Folder to make; it must not be there. */
  readonly out: string
  /** Of checkpoints and metrics.jsonl: a training goes on from what is there (default: `<out>.training`). */
  readonly work?: string
  /** Folder of a model of Transformers, or its name on the hub; default: the packaged encoder with a new head. */
  readonly base?: string | undefined
  /** The selector's name. */
  readonly name: string
  /** A second folder, `<out>-int8`, with weights of 8 bits (default true). */
  readonly int8?: boolean
  readonly options?: Partial<TrainerOptions>
  /** What stands in `work` is thrown away instead of gone on with. */
  readonly anew?: boolean
  /** Folder of tools and models that all projects of this user share. */
  readonly home: string
  readonly signal: AbortSignal
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined
}

export interface TrainedSelector {
  readonly folder: string
  readonly int8Folder: string | undefined
  readonly metrics: TrainedMetrics
}

/** Gains are mean teacher scores of the chosen passages of the development split; null where there is none. */
export interface TrainedMetrics {
  readonly steps: number
  readonly seconds: number
  /** Pairs a second of the training itself. */
  readonly rate: number
  readonly loss: number
  /** Mean entropy of the teacher's distributions, nats. */
  readonly entropy: number
  readonly gain: number | null
  /** Of the passages that were retrieved first, and of the best ones. */
  readonly first: number | null
  readonly oracle: number | null
  /** Highest memory of the training process, MB. */
  readonly memory: number
  readonly parity: { readonly pairs: number; readonly fp32: number; readonly int8: Int8Parity | null }
}

export interface Int8Parity {
  /** Spearman's rank correlation of all pairs' logits. */
  readonly spearman: number
  /** Share of groups whose first passage is the same. */
  readonly top: number
}

/** Of a base that has none, the packaged encoder: it gets a new head. */
const baseOf = async (base: string | undefined, home: string) => {
  if (base === undefined) return { base: await originalEncoder(home), name: 'all-MiniLM-L6-v2' }
  const folder = resolve(base)
  if (existsSync(folder)) return { base: folder, name: basename(folder) }
  if (/^[\w.-]+\/[\w.-]+$/.test(base)) return { base, name: base }
  throw new Fatal(`there is no folder ${base}, and it is no name on the hub (organisation/model)`)
}

const checkPlaces = ({ material, out, int8 = true }: TrainRequest) => {
  for (const file of ['groups.jsonl', 'material.json'])
    if (!existsSync(join(material, file)))
      throw new Fatal(`${join(material, file)} does not exist: name a folder of training material`)
  for (const folder of [out, ...(int8 ? [`${out}-int8`] : [])])
    if (existsSync(folder))
      throw new Fatal(`${folder} is there already; a selector never changes: name another folder, or delete it`)
}

const metricsOf = (summary: Summary, parity: TrainedMetrics['parity']): TrainedMetrics => {
  const { steps, seconds, rate, loss, entropy, memory, evaluated, start } = summary
  const { first = null, oracle = null } = evaluated ?? start ?? {}
  return { ...{ steps, seconds, rate, loss, entropy, memory }, gain: evaluated?.gain ?? null, first, oracle, parity }
}

/**
 * A training that was cut off goes on from its last checkpoint when it is asked for again. Checkpoints are deleted when
 * the selector's folder is there; the trained model and metrics.jsonl stay in `work`.
 *
 * @throws Fatal for what cannot be trained, or when the folder computes something else than was trained; Unavailable
 *   when what is needed cannot be fetched
 */
export const train = async (request: TrainRequest): Promise<TrainedSelector> => {
  const { home, signal, onProgress, options = {}, anew = false } = request
  const material = resolve(request.material)
  const work = resolve(request.work ?? `${request.out}.training`)
  checkPlaces(request)
  const step = (what: string, done: number, total = 1) => onProgress?.({ kind: 'step', what, done, total })
  const environment = await trainerEnvironment({ home, onProgress: step })
  const { base, name } = await baseOf(request.base, home)
  await checkBase(base, home, signal)
  await mkdir(work, { recursive: true })
  const trained = join(work, 'trained')
  // Where it was trained before, this only looks whether it was trained with the same.
  await runTrainer({ environment, material, work, base, options, anew, signal, onProgress })
  const { summary, pairs } = await readTrained(trained)
  const made = await exported({ request, trained, material, base: name, summary, pairs, step })
  for (const folder of made.spent) await rm(folder, { recursive: true, force: true })
  return { folder: made.folder, int8Folder: made.int8Folder, metrics: metricsOf(summary, made.parity) }
}
