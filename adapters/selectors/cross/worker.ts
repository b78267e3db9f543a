import { workerData } from 'node:worker_threads'
import { Fatal } from '../../../runtime/errors.ts'
import type { CrossEncoder } from '../../../method/selector.ts'
import { uninterrupted } from '../../onnx/exits.ts'
import type { Handed } from '../../onnx/pool.ts'
import { openSession } from '../../onnx/session.ts'
import { serve } from '../../thread/serve.ts'
import { checkNames, logitsOf, type RunLimits } from './runs.ts'
import type { Pair } from './texts.ts'
import { openPairs } from './tokens.ts'

export interface CrossWorker {
  /** Files. */
  readonly model: string
  readonly tokenizer: string
  readonly encoder: CrossEncoder
  readonly threads: number
  readonly providers: readonly string[]
  /** Of one run, by what it runs on. */
  readonly limits: { readonly cpu: RunLimits; readonly device: RunLimits }
}

export interface Logits {
  /** One a pair; not one of them need be finite. */
  readonly logits: Float32Array
  /** A query was too long to be kept whole. */
  readonly queryCut: boolean
}

await serve(async () => {
  const { model, tokenizer, encoder, threads, providers, limits, exits } = workerData as Handed<CrossWorker>
  const tokens = await openPairs(tokenizer, encoder.max_tokens)
  const { session, provider, passedOver } = await uninterrupted(exits, () =>
    openSession({ file: model, threads, providers }),
  )
  checkNames(session, encoder)
  const limit = provider === 'cpu' ? limits.cpu : limits.device
  const run = async (pairs: readonly Pair[]): Promise<Logits> => {
    const rows = await tokens(pairs)
    const logits = await uninterrupted(exits, () => logitsOf(session, rows, encoder, limit))
    return { logits, queryCut: rows.some(({ queryCut }) => queryCut) }
  }
  const { logits: warm } = await run([['a', 'b']]) // a model that does not fit its settings fails here
  if (!Number.isFinite(warm[0])) throw new Fatal(`${model} gives a pair of words no finite logit (${warm[0]})`)
  let last: Promise<unknown> = Promise.resolve()
  return {
    provider: () => ({ value: { provider, passedOver } }),
    logits: async (pairs: readonly Pair[]) => {
      const found = run(pairs)
      last = found.catch(() => undefined)
      return { value: await found, transfer: [(await found).logits.buffer as ArrayBuffer] }
    },
    close: async () => {
      await last
      await session.release()
      return {}
    },
  }
})
