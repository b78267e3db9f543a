/** From training material and a base model to a selector's folder that computes what was trained. */
import type { TrainerOptions } from './options.ts'

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

export const train = (_request: TrainRequest): Promise<TrainedSelector> => {
  throw new Error('not yet')
}
