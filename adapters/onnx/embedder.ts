/** Texts to vectors on onnxruntime, in worker threads. */
import type { Embedder } from '../../method/ports.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { unobserved, type Logger } from '../../runtime/observe.ts'
import { beside, openThread, type Thread } from '../thread/thread.ts'
import { newExits, waitAtExit } from './exits.ts'
import { readEncoder, type Usage } from './folder.ts'
import { gather, type Run } from './gather.ts'
import type { Opened } from './session.ts'
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

/**
 * onnxruntime reports its use to its maker unless this stands in the environment of the process before the first
 * worker loads it. What somebody set himself stays.
 */
const reportNothing = () => void (process.env.ORT_DISABLE_TELEMETRY ??= '1')

/** @throws Fatal when the folder holds no encoder that works, with a sentence that says what is wrong. */
export const openEmbedder = async (options: EmbedderOptions): Promise<Embedder> => {
  const { providers = ['cpu'], logger = unobserved.logger } = options
  reportNothing()
  const folder = await readEncoder(options.folder, options.usage)
  const { identity, settings } = folder
  const { workers, threads } = await workersFor(folder.model, options)
  const name = `the encoder ${identity.model}`
  const pool = await Promise.all(
    Array.from({ length: workers }, () => openWorker(name, { folder, threads, providers })),
  )
  await warn(pool, logger, name)
  const lanes = gather({
    lanes: pool.map((thread) => running(thread, identity.dimension)),
    ...{ limits: { texts: batchSize }, gathering },
    closed: () => new Unavailable(`${name} is closed`, { endpoint: name }),
  })
  const prefix = { query: settings.query_prefix, passage: settings.passage_prefix }
  return {
    identity,
    embed: (texts, as, signal) =>
      Promise.all(texts.map((text) => lanes.encode(as === 'query', prefix[as] + text, signal))),
    close: async () => {
      lanes.close()
      await Promise.all(pool.map((thread) => thread.close()))
    },
  }
}

const openWorker = async (name: string, settings: Omit<EncoderWorker, 'exits'>): Promise<Thread> => {
  const exits = newExits()
  const leave = waitAtExit(exits)
  const data: EncoderWorker = { ...settings, exits }
  try {
    const thread = await openThread({ url: beside(import.meta.url, './worker'), name, data })
    return { call: thread.call, close: () => thread.close().finally(leave) }
  } catch (error) {
    leave()
    throw error
  }
}

const warn = async (pool: readonly Thread[], logger: Logger, name: string) => {
  const found = await pool[0]?.call<Omit<Opened, 'session'>>('provider', [])
  for (const reason of found?.passedOver ?? [])
    logger.warn({ provider: found?.provider }, `${name} runs on ${found?.provider ?? ''} instead: ${reason}`)
}

/** A run that nobody waits for any more goes on to its end: onnxruntime cannot be interrupted. */
const running =
  (thread: Thread, dimension: number): Run =>
  async (texts) => {
    const vectors = await thread.call<Float32Array>('encode', [texts])
    return texts.map((_, row) => vectors.slice(row * dimension, (row + 1) * dimension))
  }
