/** What a selector is made of, and what is in force when a record is taken. */
import type { SelectorIdentity } from '../schemas/context.ts'
import type { Selector } from './ports.ts'

/**
 * A sum over features of a candidate: Σ weight · (feature − mean) / scale. All lists have the length and the order of
 * `features`, which are names of method/features.ts.
 */
export interface Linear {
  readonly features: readonly string[]
  readonly mean: readonly number[]
  /** Above 0. */
  readonly scale: readonly number[]
  readonly weights: readonly number[]
}

/** A cross-encoder in `model.onnx` with `tokenizer.json`: one logit for a query and a passage read together. */
export interface CrossEncoder {
  /** Of query, passage and special tokens together; the query is kept, the passage is cut at its end. */
  readonly max_tokens: number
  /** How a pair is written; `{question}`, `{title}` and `{text}` stand for what they say. */
  readonly pair: { readonly query: string; readonly passage: string }
  /** Names of the model's inputs in use, among input_ids, attention_mask and token_type_ids. */
  readonly inputs: readonly string[]
  /** Name of the output that holds the logits, of shape [pairs] or [pairs, 1]. */
  readonly output: string
}

/** How it came about, for people and for warnings: nothing is computed from it. */
export interface Trained {
  /** Model it started from; null for a light selector. */
  readonly base: string | null
  /** `<prefix>.<stream>/<run>` that the samples came from. */
  readonly run: string
  /** Hash of that stream's settings. */
  readonly settings: string
  /** Hashes of the prompts under which gains were measured. */
  readonly prompts: readonly string[]
  readonly measure: string
  readonly alpha: number
  /** Training groups. */
  readonly groups: number
  readonly seed: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * `selector.json`. The score of a candidate is the cross-encoder's logit, plus the linear part: a light selector has
 * only the second, a cross-encoder with the retrieval prior has both.
 */
export interface SelectorSettings {
  readonly format: 1
  readonly name: string
  readonly encoder: CrossEncoder | null
  readonly linear: Linear | null
  /** Below this best score no passage is better than any, where abstention is on; fitted on a development split. */
  readonly min_score: number | null
  /** Of every other file of the folder, by name. */
  readonly sha256: Readonly<Record<string, string>>
  readonly trained: Trained | null
}

/** Who chooses, and who is only watched: the second's scores are recorded and change nothing. */
export interface InForce {
  readonly selector: Selector
  readonly shadow?: Shadow | undefined
  /** The record needs them no more: one that was taken out of force is closed after its last record. */
  readonly release?: (() => void) | undefined
}

export interface Shadow {
  readonly selector: Selector
  /** Of queries, between 0 and 1; which ones follows from the query's key alone. */
  readonly share: number
}

/** Σ weight · (feature − mean) / scale for each row of features, in the order of `linear.features`. */
export const linearScore = ({ mean, scale, weights }: Linear, row: readonly number[]): number =>
  weights.reduce((sum, weight, i) => sum + (weight * (row[i]! - mean[i]!)) / scale[i]!, 0)

export const sameSelector = (a: SelectorIdentity, b: SelectorIdentity): boolean =>
  a.name === b.name && a.sha256 === b.sha256
