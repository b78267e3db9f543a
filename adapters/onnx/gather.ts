/**
 * What concurrent calls ask goes to the model together. Some goes ahead of the rest, as questions do of passages, so that
 * a back-fill does not hold up a live question by more than the batches under way.
 */
import { Rejected } from '../../runtime/errors.ts'

/** One batch to what becomes of each, in their order; the signal aborts when nobody waits for any of them. */
export type Run<T, Answer> = (batch: readonly T[], signal: AbortSignal) => Promise<readonly (Answer | Rejected)[]>

/** What waits for a run: what was asked, and who asks. */
export type Asked<T> = T & { readonly signal: AbortSignal }

export interface GatherOptions<T, Answer> {
  /** Batches under way at once; each is run by whichever of these is idle. */
  readonly lanes: readonly Run<T, Answer>[]
  /** Takes the next batch out of a line that is not empty; `idle`: how many lanes could take one now. */
  readonly take: <I extends Asked<T>>(line: I[], idle: number) => I[]
  /** How long what was asked alone waits for company, in milliseconds. */
  readonly gathering: number
  /** What ends those who wait when all is closed. */
  readonly closed: () => Error
}

interface Settled<Answer> {
  resolve(answer: Answer): void
  reject(error: unknown): void
}
type Item<T, Answer> = Asked<T> & Settled<Answer>

export interface Gathering<T, Answer> {
  /** @param first before all others that wait */
  ask(first: boolean, asked: T, signal: AbortSignal): Promise<Answer>
  close(): void
}

/** Aborts when all that wait for a batch have gone. */
const leftAlone = (batch: readonly Asked<unknown>[]) => {
  const own = new AbortController()
  const look = () => {
    if (batch.every(({ signal }) => signal.aborted)) own.abort(batch[0]?.signal.reason)
  }
  for (const { signal } of batch) signal.addEventListener('abort', look)
  const release = () => batch.forEach(({ signal }) => signal.removeEventListener('abort', look))
  return { signal: own.signal, release }
}

const work = async <T, Answer>(run: Run<T, Answer>, batch: readonly Item<T, Answer>[]) => {
  const { signal, release } = leftAlone(batch)
  try {
    const answers = await run(batch, signal)
    batch.forEach((item, row) => {
      const answer = answers[row]!
      if (answer instanceof Rejected) item.reject(answer)
      else item.resolve(answer)
    })
  } catch (error) {
    for (const item of batch) item.reject(error)
  } finally {
    release()
  }
}

/** A place in a line and the promise of what becomes of it, which an abort ends at once. */
const waiting = <T, Answer>(asked: T, signal: AbortSignal, line: Item<T, Answer>[]): Promise<Answer> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const abandon = () => {
      const at = line.indexOf(item)
      if (at >= 0) line.splice(at, 1)
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abandon, { once: true })
    const settle =
      <V>(then: (value: V) => void) =>
      (value: V) => {
        signal.removeEventListener('abort', abandon)
        then(value)
      }
    const item: Item<T, Answer> = { ...asked, signal, resolve: settle(resolve), reject: settle(reject) }
    line.push(item)
  })

export const gather = <T extends object, Answer>(options: GatherOptions<T, Answer>): Gathering<T, Answer> => {
  const { lanes, take, gathering, closed } = options
  const ahead: Item<T, Answer>[] = []
  const behind: Item<T, Answer>[] = []
  const idle = [...lanes]
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const dispatch = () => {
    clearTimeout(timer)
    timer = undefined
    while (idle.length > 0 && ahead.length + behind.length > 0) {
      const batch = take(ahead.length > 0 ? ahead : behind, idle.length)
      const run = idle.pop()!
      void work(run, batch).then(() => done(run))
    }
  }
  const done = (run: Run<T, Answer>) => {
    idle.push(run)
    dispatch()
  }
  return {
    ask(first, asked, signal) {
      if (isClosed && !signal.aborted) return Promise.reject(closed())
      timer ??= setTimeout(dispatch, gathering)
      return waiting(asked, signal, first ? ahead : behind)
    },
    close() {
      isClosed = true
      clearTimeout(timer)
      for (const item of [...ahead.splice(0), ...behind.splice(0)]) item.reject(closed())
    },
  }
}
