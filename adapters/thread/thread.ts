/**
 * Calls into a worker thread as promises. A thread that dies takes the calls it held with it, as `Unavailable`, and is
 * started again by the next call: one input that kills it costs one call, and the policies count such deaths.
 */
import { Worker, type Transferable } from 'node:worker_threads'
import { sentence, Unavailable } from '../../runtime/errors.ts'
import { errorOf } from './failure.ts'
import type { Call, Reply } from './serve.ts'

export interface ThreadOptions {
  /** Of the worker's file; see `beside`. */
  readonly url: URL
  /** For people, e.g. "the encoder all-MiniLM-L6-v2". */
  readonly name: string
  readonly data: unknown
}

export interface Thread {
  /** @throws what the method threw; Unavailable when the thread died; the signal's reason when aborted. */
  readonly call: <T>(
    method: string,
    args: readonly unknown[],
    signal?: AbortSignal,
    transfer?: readonly Transferable[],
  ) => Promise<T>
  /** Ends the thread after its current work. */
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

/** A worker's file next to this module: `.ts` in the repository, `.js` in the package. */
export const beside = (module: string, name: string): URL =>
  new URL(name + (module.endsWith('.ts') ? '.ts' : '.js'), module)

/** @throws what the worker's `open` threw. */
export const openThread = async (options: ThreadOptions): Promise<Thread> => {
  let running: Promise<Thread> | undefined
  let closed = false
  const start = () => {
    const forget = () => {
      if (running === started) running = undefined
    }
    const started = run(options, forget)
    started.catch(forget)
    running = started
    return started
  }
  await start()
  return {
    call: async (method, args, signal, transfer) => {
      signal?.throwIfAborted()
      if (closed) throw new Unavailable(`${options.name} is closed`, { endpoint: options.name })
      return (await (running ?? start())).call(method, args, signal, transfer)
    },
    close: async () => {
      if (closed) return
      closed = true
      await (await running?.catch(() => undefined))?.close()
    },
  }
}

const run = ({ url, name, data }: ThreadOptions, died: () => void): Promise<Thread> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(url, { workerData: data, name })
    const waiting = new Map<number, Waiting>()
    const fail = (cause?: unknown) => {
      died()
      const because = cause === undefined ? '' : `: ${sentence(cause)}`
      const lost = new Unavailable(`${name} ended unexpectedly${because}`, { endpoint: name, inFlight: true, cause })
      reject(lost)
      for (const call of waiting.values()) call.reject(lost)
      waiting.clear()
    }
    worker.on('error', fail)
    worker.on('exit', () => fail())
    worker.on('message', (reply: Reply) => {
      if ('ready' in reply) resolve(calls(worker, waiting))
      else if ('unfit' in reply) reject(errorOf(reply.unfit))
      else answer(waiting, reply)
      if ('unfit' in reply) void worker.terminate()
    })
  })

const answer = (waiting: Map<number, Waiting>, reply: Extract<Reply, { id: number }>) => {
  const call = waiting.get(reply.id)
  waiting.delete(reply.id)
  if ('failure' in reply) call?.reject(errorOf(reply.failure))
  else call?.resolve(reply.value as never)
}

const calls = (worker: Worker, waiting: Map<number, Waiting>): Thread => {
  let last = 0
  const call: Thread['call'] = (method, args, signal, transfer = []) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const id = ++last
      const abandon = () => {
        waiting.delete(id)
        reject(signal?.reason as Error)
      }
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', abandon)
          then(value)
        }
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) })
      signal?.addEventListener('abort', abandon, { once: true })
      worker.postMessage({ id, method, args } satisfies Call, transfer)
    })
  const close = async () => {
    await call('close', []).catch(() => undefined)
    await worker.terminate()
  }
  return { call, close }
}
