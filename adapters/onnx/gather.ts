/**
 * Texts of concurrent calls go to the model together. Questions go ahead of passages, so that a back-fill does not hold
 * up a live question by more than the batches under way.
 */
import { Rejected } from '../../runtime/errors.ts'
import { takeBatch, type Limits, type Waiting } from './batches.ts'

/** A text's vector, or why this text has none. */
export type Embedded = Float32Array | Rejected

/** One batch to what becomes of it, in the order of the texts; the signal aborts when nobody waits for any of them. */
export type Run = (texts: readonly string[], signal: AbortSignal) => Promise<readonly Embedded[]>

export interface GatherOptions {
  /** Batches under way at once; each is run by whichever of these is idle. */
  readonly lanes: readonly Run[]
  readonly limits: Limits
  /** How long a lone text waits for company, in milliseconds. */
  readonly gathering: number
  /** What texts end with that wait when all is closed. */
  readonly closed: () => Error
}

interface Item extends Waiting {
  readonly signal: AbortSignal
  resolve(vector: Float32Array): void
  reject(error: unknown): void
}

export interface Gathering {
  /** @param first before all others that wait */
  encode(first: boolean, text: string, signal: AbortSignal): Promise<Float32Array>
  close(): void
}

const wanted = ({ signal }: Item) => !signal.aborted

/** Aborts when all that wait for a batch have gone. */
const leftAlone = (batch: readonly Item[]) => {
  const own = new AbortController()
  const look = () => {
    if (!batch.some(wanted)) own.abort(batch[0]?.signal.reason)
  }
  for (const { signal } of batch) signal.addEventListener('abort', look)
  const release = () => batch.forEach(({ signal }) => signal.removeEventListener('abort', look))
  return { signal: own.signal, release }
}

const settle = (item: Item, found: Embedded) => (found instanceof Rejected ? item.reject(found) : item.resolve(found))

const work = async (run: Run, batch: readonly Item[]) => {
  const { signal, release } = leftAlone(batch)
  try {
    const vectors = await run(batch.map(({ text }) => text), signal) // prettier-ignore
    batch.forEach((item, row) => settle(item, vectors[row]!))
  } catch (error) {
    for (const item of batch) item.reject(error)
  } finally {
    release()
  }
}

/** One text's promise, which an abort ends at once, and what settles it. */
const waiting = (text: string, signal: AbortSignal, add: (item: Item) => void): Promise<Float32Array> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const abandon = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abandon, { once: true })
    const settle =
      <T>(then: (value: T) => void) =>
      (value: T) => {
        signal.removeEventListener('abort', abandon)
        then(value)
      }
    add({ text, signal, resolve: settle(resolve), reject: settle(reject) })
  })

export const gather = ({ lanes, limits, gathering, closed }: GatherOptions): Gathering => {
  const queries: Item[] = []
  const passages: Item[] = []
  const idle = [...lanes]
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const dispatch = () => {
    clearTimeout(timer)
    timer = undefined
    while (idle.length > 0 && queries.length + passages.length > 0) {
      const batch = takeBatch(queries.length > 0 ? queries : passages, limits).filter(wanted)
      const run = batch.length > 0 ? idle.pop() : undefined
      if (run !== undefined) void work(run, batch).then(() => done(run))
    }
  }
  const done = (run: Run) => {
    idle.push(run)
    dispatch()
  }
  const add = (line: Item[]) => (item: Item) => {
    line.push(item)
    timer ??= setTimeout(dispatch, gathering)
  }
  return {
    encode: (first, text, signal) =>
      isClosed && !signal.aborted ? Promise.reject(closed()) : waiting(text, signal, add(first ? queries : passages)),
    close() {
      isClosed = true
      clearTimeout(timer)
      for (const item of [...queries.splice(0), ...passages.splice(0)]) item.reject(closed())
    },
  }
}
