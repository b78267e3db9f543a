/** Many callers with a row or two each become few calls with many rows, one after the other. */
import { toError, pause } from '../../runtime/wait.ts'
import { isOfRows, rejected } from './failures.ts'
import type { Lease } from './lease.ts'
import { bytesOf, type Row } from './schema.ts'

/** Of one call. Milvus takes 64 MB by default; larger batches gain nothing. */
const mostRows = 1_000
const mostBytes = 8 << 20
/** Between two turns, for writers of other processes. Milliseconds. */
const break_ = 15

export interface Writing {
  upsert(rows: readonly Row[]): Promise<void>
  remove(ids: readonly string[]): Promise<void>
}

export interface Writer {
  /** Resolves when all of them are stored. @throws Rejected for the first that cannot be, Unavailable */
  upsert(rows: readonly Row[], signal: AbortSignal): Promise<void>
  remove(ids: readonly string[], signal: AbortSignal): Promise<void>
  /** When nothing is under way any more. */
  idle(): Promise<void>
}

type Change = { readonly row: Row } | { readonly gone: string }
interface Waiting {
  readonly change: Change
  readonly end: (error?: unknown) => void
}

const isRow = (each: Waiting): each is Waiting & { change: { row: Row } } => 'row' in each.change

/** The longest run of changes of one kind that fits into a call. */
const take = (queue: Waiting[]): Waiting[] => {
  const kind = isRow(queue[0]!)
  let [count, bytes] = [0, 0]
  for (const each of queue) {
    bytes += isRow(each) ? bytesOf(each.change.row) : 0
    if (isRow(each) !== kind || count === mostRows || (count > 0 && bytes > mostBytes)) break
    count++
  }
  return queue.splice(0, count)
}

/** Of an id that comes twice the last counts. */
const rowsOf = (batch: readonly Waiting[]): Row[] => [
  ...new Map(batch.flatMap((each) => (isRow(each) ? [[each.change.row.id, each.change.row]] : []))).values(),
]
const idsOf = (batch: readonly Waiting[]) => [
  ...new Set(batch.flatMap(({ change }) => ('gone' in change ? [change.gone] : []))),
]

export const writer = (writing: Writing, lease: Lease): Writer => {
  const queue: Waiting[] = []
  let working: Promise<void> | undefined

  const write = (batch: readonly Waiting[]) =>
    isRow(batch[0]!) ? writing.upsert(rowsOf(batch)) : writing.remove(idsOf(batch))
  /** What is refused as a whole is written by halves, down to the row that is at fault. */
  const put = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      await lease(() => write(batch))
      for (const { end } of batch) end()
    } catch (error) {
      const first = batch[0]!
      if (!isOfRows(error) || !isRow(first)) return batch.forEach(({ end }) => end(error))
      if (batch.length === 1) return first.end(rejected(first.change.row.id, error))
      const half = Math.ceil(batch.length / 2)
      await put(batch.slice(0, half))
      await put(batch.slice(half))
    }
  }
  const work = async () => {
    await pause(0) // whoever comes in the same turn of the event loop comes along
    while (queue.length > 0) {
      await put(take(queue))
      if (queue.length > 0) await pause(break_)
    }
  }
  const begin = () => {
    working ??= work().finally(() => {
      working = undefined
      if (queue.length > 0) begin()
    })
  }
  const add = (changes: readonly Change[], signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(toError(signal.reason))
      let left = changes.length
      let failed: { error: unknown } | undefined
      const stop = () => reject(toError(signal.reason))
      const end = (error?: unknown) => {
        if (error !== undefined) failed ??= { error }
        if (--left > 0) return
        signal.removeEventListener('abort', stop)
        if (failed) reject(toError(failed.error))
        else resolve()
      }
      signal.addEventListener('abort', stop, { once: true })
      queue.push(...changes.map((change) => ({ change, end })))
      begin()
    })
  return {
    upsert: async (rows, signal) => {
      if (rows.length > 0) await add(rows.map((row) => ({ row })), signal) // prettier-ignore
    },
    remove: async (ids, signal) => {
      if (ids.length > 0) await add(ids.map((gone) => ({ gone })), signal) // prettier-ignore
    },
    idle: async () => {
      while (working) await working
    },
  }
}
