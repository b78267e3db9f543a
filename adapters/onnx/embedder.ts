/**
 * Texts to vectors on onnxruntime, in worker threads. Concurrent calls share batches; queries go ahead of passages,
 * so that a back-fill does not hold up a live question by more than the batch under way.
 */
import { availableParallelism } from 'node:os'
import type { Embedder } from '../../method/ports.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { unobserved, type Logger } from '../../runtime/observe.ts'
import { beside, openThread, type Thread } from '../thread/thread.ts'
import { takeBatch, type Waiting } from './batches.ts'
import { newExits, waitAtExit } from './exits.ts'
import { readEncoder } from './folder.ts'
import type { Opened } from './session.ts'
import type { EncoderWorker } from './worker.ts'

export interface EmbedderOptions {
  /** See folder.ts. */
  readonly folder: string
  /** Worker threads, each with a copy of the model. */
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

interface Item extends Waiting {
  readonly signal: AbortSignal
  resolve(vector: Float32Array): void
  reject(error: unknown): void
}

/** @throws Fatal when the folder holds no encoder that works, with a sentence that says what is wrong. */
export const openEmbedder = async (options: EmbedderOptions): Promise<Embedder> => {
  const { workers = 1, threads = availableParallelism(), providers = ['cpu'], logger = unobserved.logger } = options
  reportNothing()
  const folder = await readEncoder(options.folder)
  const { identity, settings } = folder
  const name = `the encoder ${identity.model}`
  const pool = await Promise.all(
    Array.from({ length: workers }, () => openWorker(name, { folder, threads, providers })),
  )
  await warn(pool, logger, name)
  const lanes = gather(pool, identity.dimension, name)
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

/** Waiting texts in two lines, and one batch at a time for each thread. */
const gather = (pool: readonly Thread[], dimension: number, name: string) => {
  const queries: Item[] = []
  const passages: Item[] = []
  const idle = [...pool]
  let timer: NodeJS.Timeout | undefined

  const dispatch = () => {
    clearTimeout(timer)
    timer = undefined
    while (idle.length > 0 && queries.length + passages.length > 0) {
      const batch = takeBatch(queries.length > 0 ? queries : passages, batchSize).filter(wanted)
      const thread = batch.length > 0 ? idle.pop() : undefined
      if (thread !== undefined) void work(thread, batch)
    }
  }
  const work = async (thread: Thread, batch: readonly Item[]) => {
    try {
      const vectors = await thread.call<Float32Array>('encode', [batch.map(({ text }) => text)])
      batch.forEach((item, row) => item.resolve(vectors.slice(row * dimension, (row + 1) * dimension)))
    } catch (error) {
      for (const item of batch) item.reject(error)
    }
    idle.push(thread)
    dispatch()
  }
  const encode = (first: boolean, text: string, signal: AbortSignal) =>
    new Promise<Float32Array>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const abandon = () => reject(signal.reason as Error)
      signal.addEventListener('abort', abandon, { once: true })
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal.removeEventListener('abort', abandon)
          then(value)
        }
      const line = first ? queries : passages
      line.push({ text, signal, resolve: settle(resolve), reject: settle(reject) })
      timer ??= setTimeout(dispatch, gathering)
    })
  const close = () => {
    clearTimeout(timer)
    const closed = new Unavailable(`${name} is closed`, { endpoint: name })
    for (const item of [...queries.splice(0), ...passages.splice(0)]) item.reject(closed)
  }
  return { encode, close }
}

const wanted = ({ signal }: Item) => !signal.aborted
