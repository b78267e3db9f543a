/**
 * One batch after the other: what each slot still has to evaluate is decoded together, and the wanted rows are read
 * before the next batch overwrites them.
 *
 * What a slot's memory already holds of a list's beginning is kept; what another slot holds of it is copied.
 *
 * A row must not depend on how its tokens were cut into batches or what stood beside them: with 8-bit weights a last
 * bit that differs becomes a fifth of a nat thirty layers later. It does not, to the last bit, with float32 keys and
 * values, without flash attention, and as long as no piece is a single token (those take another kernel):
 * test/adapters/llama/batches.test.ts.
 */
import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../../runtime/errors.ts'
import type { AddonContext } from './addon.ts'

/** A row of logits that is wanted: of the token at `position`, read once, before the next batch. */
export interface Want {
  readonly position: number
  /** Rows of one batch are read in this order, so that equal preparations follow one another. */
  readonly order: number
  read(this: void, row: number): Promise<void>
}

/** A sequence and the tokens that its memory holds. */
export interface Held {
  readonly sequence: number
  tokens: number[]
}

export interface BatchOptions {
  readonly contextSize: number
  readonly batchTokens: number
  /** Of the model, for sentences. */
  readonly name: string
}

export interface Batches {
  /** Evaluates the tokens from the first that is not held (or is wanted); resolves with how many that were. */
  evaluate(held: Held, tokens: readonly number[], wants: readonly Want[], signal: AbortSignal): Promise<number>
  /** Ends after the batch that is being decoded; what still waits is Unavailable. */
  close(): Promise<void>
}

interface Request {
  readonly held: Held
  readonly tokens: readonly number[]
  readonly wants: readonly Want[]
  readonly signal: AbortSignal
  /** Where evaluation began; undefined until the request was prepared. */
  start: number | undefined
  /** Rows before this position have been read. */
  read: number
  resolve(this: void, evaluated: number): void
  reject(this: void, error: unknown): void
}

/** What of a request goes into one batch. */
interface Part {
  readonly request: Request
  readonly from: number
  readonly to: number
}

/** How many tokens both lists begin with. */
export const common = (a: readonly number[], b: readonly number[]): number => {
  const end = Math.min(a.length, b.length)
  let n = 0
  while (n < end && a[n] === b[n]) n++
  return n
}

/** Fewest tokens of one sequence that are evaluated together. */
const least = 2

/**
 * The batch is shared evenly; what a short request leaves goes to the longer ones. llama.cpp takes as many tokens of
 * each sequence as the shortest has, then goes on with the others: lengths are equal or differ by `least`.
 */
export const lengths = (left: readonly number[], room: number): number[] => {
  const given = new Array<number>(left.length).fill(0)
  let last = 0
  const shortestFirst = left.map((_, i) => i).sort((a, b) => left[a]! - left[b]!)
  for (const [place, i] of shortestFirst.entries()) {
    const fair = Math.min(left[i]!, Math.floor(room / (left.length - place)))
    const n = fair - last < least ? last : fair
    if (n < least) continue
    given[i] = last = n
    room -= n
  }
  return given
}

const parts = (requests: readonly Request[], room: number): Part[] => {
  const given = lengths(
    requests.map(({ tokens, held }) => tokens.length - held.tokens.length),
    room,
  )
  return requests.flatMap((request, i) => {
    const from = request.held.tokens.length
    return given[i]! > 0 ? [{ request, from, to: from + given[i]! }] : []
  })
}

const wanted = ({ request, to }: Part): Want[] =>
  request.wants
    .filter(({ position }) => position >= request.read && position < to)
    .toSorted((a, b) => a.position - b.position)

export const openBatches = (
  context: AddonContext,
  all: readonly Held[],
  { contextSize, batchTokens, name }: BatchOptions,
): Batches => {
  let requests: Request[] = []
  let pumping: Promise<void> | undefined
  let closed = false

  const clear = (held: Held): void => {
    context.removeTokenCellsFromSequence(held.sequence, -1, -1)
    held.tokens = []
  }

  /** A copy moves a whole sequence's memory: worth it from about 1/40 of the context in tokens saved. */
  const borrow = async ({ held, tokens }: Request): Promise<void> => {
    const shared = (other: Held) => common(other.tokens, tokens)
    const lender = all.reduce((a, b) => (shared(b) > shared(a) ? b : a), held)
    if (shared(lender) - shared(held) < contextSize / 40) return
    clear(held)
    await context.copySequenceStateFromOtherSequence(held.sequence, lender.sequence)
    held.tokens = [...lender.tokens]
  }

  /** Cuts a slot's memory back to its first `keep` tokens; some models' memory can only be cleared. */
  const cutBack = (held: Held, keep: number): void => {
    if (keep >= held.tokens.length) return
    if (keep > 0 && context.removeTokenCellsFromSequence(held.sequence, keep, -1)) held.tokens.length = keep
    else clear(held)
  }

  /** Keeps what the slot shares with a new request, up to the first row that is wanted. */
  const begin = (request: Request): void => {
    const { held, tokens, wants } = request
    const first = wants.reduce((lowest, { position }) => Math.min(lowest, position), tokens.length)
    cutBack(held, Math.max(0, Math.min(common(held.tokens, tokens), first, tokens.length - least)))
    request.start = request.read = held.tokens.length
  }

  const decode = async (batch: readonly Part[]): Promise<void> => {
    context.initBatch(batch.reduce((sum, { from, to }) => sum + to - from, 0))
    const rows = batch.flatMap((part) => {
      const wants = wanted(part)
      const positions = Uint32Array.from(wants, ({ position }) => position - part.from)
      const tokens = Uint32Array.from(part.request.tokens.slice(part.from, part.to))
      const at = context.addToBatch(part.request.held.sequence, part.from, tokens, positions)
      return wants.map((want, i) => ({ want, row: at[i]! }))
    })
    await context.decodeBatch()
    for (const { want, row } of rows.toSorted((a, b) => a.want.order - b.want.order)) await want.read(row)
  }

  const settle = ({ request, from, to }: Part): void => {
    request.held.tokens.push(...request.tokens.slice(from, to))
    request.read = to
    if (to < request.tokens.length) return
    requests = requests.filter((other) => other !== request)
    request.resolve(to - request.start!)
  }

  const drop = (some: readonly Request[], reason: (request: Request) => unknown): void => {
    requests = requests.filter((request) => !some.includes(request))
    for (const request of some) request.reject(reason(request))
  }

  /** One batch. */
  const turn = async (): Promise<void> => {
    const aborted = requests.filter(({ signal }) => signal.aborted)
    drop(aborted, ({ signal }) => signal.reason)
    const fresh = requests.filter(({ start }) => start === undefined)
    for (const request of fresh) await borrow(request)
    fresh.forEach(begin)
    for (const { held, tokens } of requests) cutBack(held, Math.max(0, tokens.length - least))
    const batch = parts(requests, batchTokens)
    if (batch.length > 0) await decode(batch)
    batch.forEach(settle)
  }

  /** A batch that failed leaves nobody's memory trustworthy. */
  const fail = (cause: unknown): void => {
    all.forEach(clear)
    const error = new Unavailable(`the reader ${name} could not evaluate a batch`, { cause, endpoint: name, inFlight: true }) // prettier-ignore
    drop(requests, () => error)
  }

  const pump = async (): Promise<void> => {
    // Whoever was just answered asks again before the next batch is put together.
    for (await setImmediate(); requests.length > 0 && !closed; await setImmediate()) await turn().catch(fail)
    pumping = undefined
    drop(requests, gone)
  }

  const gone = () => new Unavailable(`the reader ${name} was closed`, { endpoint: name })

  return {
    evaluate: (held, tokens, wants, signal) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(gone())
        requests.push({ held, tokens, wants, signal, start: undefined, read: 0, resolve, reject })
        pumping ??= pump()
      }),
    close: async () => {
      closed = true
      await pumping
    },
  }
}
