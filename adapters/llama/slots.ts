/**
 * The sequences of one context, worked in common batches.
 *
 * Whoever holds a slot evaluates lists of tokens on it; what the slot's memory already has of a list's beginning is
 * kept, what another slot has of it is copied, and only the rest is evaluated. All slots that wait are decoded
 * together. With float32 keys and values and without flash attention a row does not depend, to the last bit, on how
 * its tokens were cut into batches or what stood beside them: see test/adapters/llama/slots.test.ts.
 */
import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../../runtime/errors.ts'
import type { AddonContext } from './addon.ts'

/** A row of logits that is wanted: of the token at `position`, read once, before the next batch. */
export interface Want {
  readonly position: number
  /** Rows of one batch are read in this order, so that equal preparations follow one another. */
  readonly order: number
  read(row: number): Promise<void>
}

export interface Slot {
  /** Evaluates the tokens from the first that is not held (or is wanted); resolves with how many that were. */
  evaluate(tokens: readonly number[], wants: readonly Want[], signal: AbortSignal): Promise<number>
  release(): void
}

export interface Slots {
  /** The next free slot, the one that already holds most of `tokens` if there are several. First come, first served. */
  acquire(tokens: readonly number[], signal: AbortSignal): Promise<Slot>
  /** Ends after the batch that is being decoded. */
  close(): Promise<void>
}

interface Held {
  readonly sequence: number
  tokens: number[]
}

interface Request {
  readonly held: Held
  readonly tokens: readonly number[]
  readonly wants: readonly Want[]
  readonly signal: AbortSignal
  /** First position still to evaluate; −1 until the request was prepared. */
  from: number
  resolve(evaluated: number): void
  reject(error: unknown): void
}

interface Part {
  readonly request: Request
  readonly from: number
  readonly to: number
  rows: Uint32Array
  readonly wants: readonly Want[]
}

/** How many tokens both lists begin with. */
export const common = (a: readonly number[], b: readonly number[]): number => {
  const end = Math.min(a.length, b.length)
  let n = 0
  while (n < end && a[n] === b[n]) n++
  return n
}

export const openSlots = (
  context: AddonContext,
  options: { sequences: number; contextSize: number; batchTokens: number; name: string },
): Slots => {
  const held: Held[] = Array.from({ length: options.sequences }, (_, sequence) => ({ sequence, tokens: [] }))
  const free = new Set(held)
  const waiting: { tokens: readonly number[]; resolve(slot: Held): void }[] = []
  let requests: Request[] = []
  let pumping: Promise<void> | undefined
  let closed = false

  const gone = () => new Unavailable(`the reader ${options.name} was closed`, { endpoint: options.name })

  /** A copy moves a whole sequence's memory: worth it from about 1/40 of the context in tokens saved. */
  const worthCopying = options.contextSize / 40

  const clear = (slot: Held) => {
    context.removeTokenCellsFromSequence(slot.sequence, -1, -1)
    slot.tokens = []
  }

  const borrow = async (request: Request): Promise<void> => {
    const { held: mine, tokens } = request
    const own = common(mine.tokens, tokens)
    const lender = held.reduce((a, b) => (common(b.tokens, tokens) > common(a.tokens, tokens) ? b : a), mine)
    if (common(lender.tokens, tokens) - own < worthCopying) return
    clear(mine)
    await context.copySequenceStateFromOtherSequence(mine.sequence, lender.sequence)
    mine.tokens = [...lender.tokens]
  }

  /** Cuts the slot's memory back to what it shares with the request. */
  const cutBack = (request: Request): void => {
    const { held: mine, tokens, wants } = request
    const wanted = wants.reduce((first, { position }) => Math.min(first, position), tokens.length - 1)
    const keep = Math.min(common(mine.tokens, tokens), wanted)
    const cut = keep < mine.tokens.length
    if (cut && (keep === 0 || !context.removeTokenCellsFromSequence(mine.sequence, keep, -1))) clear(mine)
    mine.tokens.length = Math.min(mine.tokens.length, keep)
    request.from = mine.tokens.length
  }

  const prepare = async (fresh: readonly Request[]): Promise<void> => {
    for (const request of fresh) await borrow(request)
    fresh.forEach(cutBack)
  }

  /** Shares the batch evenly; what a short request leaves goes to the others. */
  const share = (): Part[] => {
    let room = options.batchTokens
    const byLength = requests.toSorted((a, b) => a.tokens.length - a.from - (b.tokens.length - b.from))
    return byLength.flatMap((request, i) => {
      const n = Math.min(request.tokens.length - request.from, Math.ceil(room / (byLength.length - i)))
      if (n === 0) return []
      room -= n
      const [from, to] = [request.from, request.from + n]
      const wants = request.wants
        .filter(({ position }) => position >= from && position < to)
        .toSorted((a, b) => a.position - b.position)
      return [{ request, from, to, rows: new Uint32Array(), wants }]
    })
  }

  const decode = async (parts: Part[]): Promise<void> => {
    context.initBatch(parts.reduce((sum, { from, to }) => sum + to - from, 0))
    for (const part of parts) {
      const { request, from, to, wants } = part
      const tokens = Uint32Array.from(request.tokens.slice(from, to))
      const wanted = Uint32Array.from(wants, ({ position }) => position - from)
      part.rows = context.addToBatch(request.held.sequence, from, tokens, wanted)
    }
    await context.decodeBatch()
    const rows = parts.flatMap(({ wants, rows: at }) => wants.map((want, i) => ({ want, row: at[i]! })))
    for (const { want, row } of rows.toSorted((a, b) => a.want.order - b.want.order)) await want.read(row)
  }

  const settle = (part: Part, starts: Map<Request, number>): void => {
    const { request, from, to } = part
    request.held.tokens.push(...request.tokens.slice(from, to))
    request.from = to
    if (to < request.tokens.length) return
    requests = requests.filter((other) => other !== request)
    request.resolve(to - starts.get(request)!)
  }

  const drop = (gone: readonly Request[], error: (request: Request) => unknown): void => {
    requests = requests.filter((request) => !gone.includes(request))
    for (const request of gone) request.reject(error(request))
  }

  /** A batch that failed leaves nobody's memory trustworthy. */
  const fail = (parts: readonly Part[], cause: unknown): void => {
    for (const { request } of parts) clear(request.held)
    const message = `the reader ${options.name} could not evaluate a batch`
    drop(
      parts.map(({ request }) => request),
      () => new Unavailable(message, { cause, endpoint: options.name, inFlight: true }),
    )
  }

  const turn = async (starts: Map<Request, number>): Promise<void> => {
    drop(
      requests.filter(({ signal }) => signal.aborted),
      ({ signal }) => signal.reason,
    )
    const fresh = requests.filter(({ from }) => from < 0)
    await prepare(fresh)
    for (const request of fresh) starts.set(request, request.from)
    const parts = share()
    if (parts.length === 0) return
    try {
      await decode(parts)
    } catch (error) {
      return fail(parts, error)
    }
    for (const part of parts) settle(part, starts)
  }

  const pump = async (): Promise<void> => {
    const starts = new Map<Request, number>()
    // Whoever was just answered asks again before the next batch is put together.
    for (await setImmediate(); requests.length > 0 && !closed; await setImmediate()) await turn(starts)
    pumping = undefined
    if (closed) drop(requests, gone)
  }

  const release = (slot: Held): void => {
    const next = waiting.shift()
    if (next) next.resolve(slot)
    else free.add(slot)
  }

  const opened = (slot: Held): Slot => ({
    evaluate: (tokens, wants, signal) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(gone())
        requests.push({ held: slot, tokens, wants, signal, from: -1, resolve, reject })
        pumping ??= pump()
      }),
    release: () => release(slot),
  })

  const take = (tokens: readonly number[]): Held | undefined => {
    const [first, ...rest] = free
    const best = first && rest.reduce((a, b) => (common(b.tokens, tokens) > common(a.tokens, tokens) ? b : a), first)
    if (best) free.delete(best)
    return best
  }

  return {
    acquire: async (tokens, signal) => {
      signal.throwIfAborted()
      const slot = take(tokens) ?? (await queued(waiting, tokens, signal))
      return opened(slot)
    },
    close: async () => {
      closed = true
      await pumping
    },
  }
}

const queued = (
  waiting: { tokens: readonly number[]; resolve(slot: Held): void }[],
  tokens: readonly number[],
  signal: AbortSignal,
): Promise<Held> =>
  new Promise((resolve, reject) => {
    const entry = {
      tokens,
      resolve: (slot: Held) => {
        signal.removeEventListener('abort', leave)
        resolve(slot)
      },
    }
    const leave = () => {
      const at = waiting.indexOf(entry)
      if (at >= 0) waiting.splice(at, 1)
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', leave, { once: true })
    waiting.push(entry)
  })
