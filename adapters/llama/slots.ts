/** The sequences of one context, lent to whoever evaluates prompts: first come, first served. */
import type { AddonContext } from './addon.ts'
import { common, openBatches, type BatchOptions, type Held, type Want } from './batches.ts'

export interface Slot {
  /** Evaluates the tokens from the first that is not held (or is wanted); resolves with how many that were. */
  evaluate(tokens: readonly number[], wants: readonly Want[], signal: AbortSignal): Promise<number>
}

export interface Slots {
  /** Works on the next free slot; on the one that already holds most of `tokens` if there are several. */
  holding<T>(tokens: readonly number[], signal: AbortSignal, work: (slot: Slot) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export const openSlots = (context: AddonContext, options: BatchOptions & { sequences: number }): Slots => {
  const all: Held[] = Array.from({ length: options.sequences }, (_, sequence) => ({ sequence, tokens: [] }))
  const batches = openBatches(context, all, options)
  const free = new Set(all)
  const waiting: ((held: Held) => void)[] = []

  const take = (tokens: readonly number[]): Held | undefined => {
    const best = [...free].sort((a, b) => common(b.tokens, tokens) - common(a.tokens, tokens))[0]
    if (best) free.delete(best)
    return best
  }

  const inTurn = (signal: AbortSignal) =>
    new Promise<Held>((resolve, reject) => {
      const enter = (held: Held) => {
        signal.removeEventListener('abort', leave)
        resolve(held)
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(enter), 1)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      waiting.push(enter)
    })

  const giveBack = (held: Held): void => {
    const next = waiting.shift()
    if (next) next(held)
    else free.add(held)
  }

  return {
    holding: async (tokens, signal, work) => {
      signal.throwIfAborted()
      const held = take(tokens) ?? (await inTurn(signal))
      try {
        return await work({ evaluate: (...request) => batches.evaluate(held, ...request) })
      } finally {
        giveBack(held)
      }
    },
    close: () => batches.close(),
  }
}
