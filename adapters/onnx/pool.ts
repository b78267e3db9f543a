/** Copies of one model, each in a worker thread of its own. */
import { unobserved, type Logger } from '../../runtime/observe.ts'
import { openThread, type Thread } from '../thread/thread.ts'
import { newExits, waitAtExit, type Exits } from './exits.ts'
import type { Opened } from './session.ts'

export interface PoolOptions<Data> {
  /** For people, e.g. "the encoder all-MiniLM-L6-v2". */
  readonly name: string
  /** Of the worker's file. It has a method `provider` that tells what `openSession` told. */
  readonly url: URL
  readonly workers: number
  /** What each worker is handed, beside its `exits`. */
  readonly data: Data
  readonly logger?: Logger | undefined
}

/** A worker's data: see exits.ts. */
export type Handed<Data> = Data & { readonly exits: Exits }

/**
 * onnxruntime reports its use to its maker unless this stands in the environment of the process before the first
 * worker loads it. What somebody set himself stays.
 */
const reportNothing = () => void (process.env.ORT_DISABLE_TELEMETRY ??= '1')

/** @throws what the first worker that failed threw; none is left then */
export const openPool = async <Data extends object>(options: PoolOptions<Data>): Promise<Thread[]> => {
  const { name, workers, logger = unobserved.logger } = options
  reportNothing()
  const settled = await Promise.allSettled(Array.from({ length: workers }, () => openWorker(options)))
  const pool = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = settled.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(pool.map((thread) => thread.close()))
    throw failed.reason
  }
  await warn(pool, logger, name)
  return pool
}

const openWorker = async <Data extends object>({ name, url, data }: PoolOptions<Data>): Promise<Thread> => {
  const exits = newExits()
  const leave = waitAtExit(exits)
  const handed: Handed<Data> = { ...data, exits }
  try {
    const thread = await openThread({ url, name, data: handed })
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
