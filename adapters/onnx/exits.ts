/**
 * A process must not end while onnxruntime is inside a thread of it: its binding then aborts the whole process
 * (SIGABRT, a core file) instead of letting it end with its own code. So the exit waits for the run under way, and no
 * further run begins.
 */
import { Unavailable } from '../../runtime/errors.ts'

/** Shared by the process and its worker: [a run is under way, the process ends]. */
export type Exits = Int32Array<SharedArrayBuffer>

const underWay = 0
const ending = 1
/** Milliseconds; a batch of long texts takes a second or two on a slow machine. */
const longestWait = 10_000

export const newExits = (): Exits => new Int32Array(new SharedArrayBuffer(8))

/** In the process. Returns how to stop caring, once the worker is closed. */
export const waitAtExit = (exits: Exits): (() => void) => {
  const wait = () => {
    Atomics.store(exits, ending, 1)
    Atomics.wait(exits, underWay, 1, longestWait)
  }
  process.on('exit', wait)
  return () => void process.off('exit', wait)
}

/** In the worker. */
export const uninterrupted = async <T>(exits: Exits, run: () => Promise<T>): Promise<T> => {
  Atomics.store(exits, underWay, 1)
  try {
    if (Atomics.load(exits, ending) === 1) throw new Unavailable('the process ends')
    return await run()
  } finally {
    Atomics.store(exits, underWay, 0)
    Atomics.notify(exits, underWay)
  }
}
