/**
 * What of node-llama-cpp lies below its own sequences: batches, decoding, and samplers that answer with a handful of
 * numbers. Its public way out of a row of logits is a Map with every token of the vocabulary, which costs more than a
 * tenth of the evaluation; here one row costs a millisecond. The parts used are internal to the package, so its
 * version is pinned, their presence is checked when a model is opened, and the contract suites hold what they do.
 */
import { readFileSync } from 'node:fs'
import type { LlamaContext, LlamaModel } from 'node-llama-cpp'
import { Fatal } from '../../runtime/errors.ts'

/** `[selected, probabilities, confidence, logits as token, value, token, value …, Σ exp(logit − highest)]` */
export type Sampled = [
  token: number,
  probabilities: undefined,
  confidence: undefined,
  logits: number[] | undefined,
  weight: number | undefined,
]

/** Which logits to hand out: all, or those of some tokens and of the selected one. */
export type Logits = boolean | [tokens: number[], highest: false, lowest: false, selected: true, top: 0]

export interface AddonSampler {
  applyConfig(config: {
    temperature: number
    seed?: number
    tokenBiasKeys?: Uint32Array
    tokenBiasValues?: Float32Array
  }): void
  dispose(): void
}

export interface AddonContext {
  initBatch(tokens: number): void
  /** Returns where in the batch the wanted rows will be; `wanted` are indexes into `tokens`. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, wanted: Uint32Array): Uint32Array
  decodeBatch(): Promise<void>
  sampleToken(row: number, sampler: AddonSampler): Promise<number>
  sampleToken(
    row: number,
    sampler: AddonSampler,
    probabilities: false,
    confidence: false,
    logits: Logits,
    weight: boolean,
  ): Promise<Sampled>
  /** Removes positions from..to (−1: to the end); false where the model's state cannot be cut there. */
  removeTokenCellsFromSequence(sequence: number, from: number, to: number): boolean
  /** Makes `target` hold what `source` holds; the memory itself is copied before the next batch. */
  copySequenceStateFromOtherSequence(target: number, source: number): Promise<number>
}

interface Bindings {
  AddonSampler: new (model: unknown) => AddonSampler
  AddonJinjaRenderer: new (template: string) => { render(values: Record<string, unknown>): string }
}

interface Internals {
  readonly _ctx: AddonContext
  readonly _model: { readonly _model: unknown; readonly _llama: { readonly _bindings: Bindings } }
}

export interface Addon {
  readonly context: AddonContext
  readonly vocabulary: number
  sampler(): AddonSampler
  /** Renders a Jinja chat template. */
  render(template: string, values: Record<string, unknown>): string
}

/** Program and version, as it stands in records. */
export const server = (): string => {
  const file = new URL('../package.json', import.meta.resolve('node-llama-cpp'))
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return `node-llama-cpp ${version}`
}

const methods = [
  'initBatch',
  'addToBatch',
  'decodeBatch',
  'sampleToken',
  'removeTokenCellsFromSequence',
  'copySequenceStateFromOtherSequence',
] as const

/** @throws Fatal when this version of node-llama-cpp has other insides. */
export const addonOf = (context: LlamaContext, model: LlamaModel): Addon => {
  const { _ctx, _model } = context as unknown as Partial<Internals>
  const bindings = _model?._llama?._bindings
  const complete = methods.every((name) => typeof _ctx?.[name] === 'function')
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length
  if (!_ctx || !_model || !bindings || !complete)
    throw new Fatal(`${server()} is not the version this program was built for: run npm install again`)
  return {
    context: _ctx,
    vocabulary,
    sampler: () => new bindings.AddonSampler(_model._model),
    render: (template, values) => new bindings.AddonJinjaRenderer(template).render(values),
  }
}
