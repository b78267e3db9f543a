/** Texts to vectors on onnxruntime, in worker threads. */
import type { Embedder } from '../../method/ports.ts'
import { Unavailable } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/observe.ts'
import { beside, type Thread } from '../thread/thread.ts'
import { batchesOf, type Waiting } from './batches.ts'
import { readEncoder, type Usage } from './folder.ts'
import { gather, type Run } from './gather.ts'
import { openPool } from './pool.ts'
import type { EncoderWorker } from './worker.ts'
import { workersFor } from './workers.ts'

export interface EmbedderOptions {
  /** See folder.ts. */
  readonly folder: string
  /** Used otherwise than the folder says. */
  readonly usage?: Usage | undefined
  /** Worker threads, each with a copy of the model (default: as many as the cores have room for). */
  readonly workers?: number | undefined
  /** Cores that one worker's model uses. */
  readonly threads?: number | undefined
  /** Execution providers of onnxruntime, tried in this order; one that is missing is passed over with a warning. */
  readonly providers?: readonly string[]
  readonly logger?: Logger
}

/** Texts in one run of the model. */
const batchSize = 32
/** How long a lone text waits for company, in milliseconds. */
const gathering = 2

/** @throws Fatal when the folder holds no encoder that works, with a sentence that says what is wrong. */
export const openEmbedder = async (options: EmbedderOptions): Promise<Embedder> => {
  const { providers = ['cpu'], logger } = options
  const folder = await readEncoder(options.folder, options.usage)
  const { identity, settings } = folder
  const { workers, threads } = await workersFor(folder.model, options)
  const name = `the encoder ${identity.model}`
  const data: EncoderWorker = { folder, threads, providers }
  const pool = await openPool({ name, url: beside(import.meta.url, './worker'), workers, data, logger })
  const lanes = gather({
    lanes: pool.map((thread) => running(thread, identity.dimension)),
    ...{ take: batchesOf({ texts: batchSize }), gathering },
    closed: () => new Unavailable(`${name} is closed`, { endpoint: name }),
  })
  const prefix = { query: settings.query_prefix, passage: settings.passage_prefix }
  return {
    identity,
    embed: (texts, as, signal) =>
      Promise.all(texts.map((text) => lanes.ask(as === 'query', { text: prefix[as] + text }, signal))),
    close: async () => {
      lanes.close()
      await Promise.all(pool.map((thread) => thread.close()))
    },
  }
}

/** A run that nobody waits for any more goes on to its end: onnxruntime cannot be interrupted. */
const running =
  (thread: Thread, dimension: number): Run<Waiting, Float32Array> =>
  async (batch) => {
    const vectors = await thread.call<Float32Array>('encode', [batch.map(({ text }) => text)])
    return batch.map((_, row) => vectors.slice(row * dimension, (row + 1) * dimension))
  }
