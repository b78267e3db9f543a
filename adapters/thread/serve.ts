/** The worker's side of a thread: methods by name, and word that it is ready. */
import { parentPort, type Transferable } from 'node:worker_threads'
import { failureOf, type Failure } from './failure.ts'

export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type Reply =
  | { readonly ready: true }
  | { readonly unfit: Failure }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }

/** What a method returns: its value, and which buffers of it move instead of being copied. */
export interface Returned {
  readonly value?: unknown
  readonly transfer?: readonly Transferable[]
}

type Work = (...args: never[]) => Returned | Promise<Returned>

/**
 * Runs `open` and answers calls with the methods it returns. A failure of `open` is told to the parent before the
 * thread ends. The method `close`, where there is one, is called last.
 */
export const serve = async (open: () => Promise<Record<string, Work>>): Promise<void> => {
  const port = parentPort
  if (port === null) throw new Error('this file runs as a worker thread only')
  const say = (reply: Reply, transfer: readonly Transferable[] = []) => port.postMessage(reply, transfer)
  try {
    const methods = await open()
    port.on('message', (call: Call) => void answer(methods, call, say))
    say({ ready: true })
  } catch (error) {
    say({ unfit: failureOf(error) })
  }
}

const answer = async (
  methods: Record<string, Work>,
  { id, method, args }: Call,
  say: (reply: Reply, transfer?: readonly Transferable[]) => void,
) => {
  try {
    const { value, transfer } = (await methods[method]?.(...(args as never[]))) ?? {}
    say({ id, value }, transfer)
  } catch (error) {
    say({ id, failure: failureOf(error) })
  }
}
