/**
 * Real-looking time: prompts wait for one of the seats, are prefilled one after the other at a rate that all requests
 * share, and then write side by side, a token each per step (continuous batching).
 */
export interface QueueOptions {
  /** Tokens a second of all prompts together. */
  readonly prefill: number
  /** Milliseconds of a step; the more prompts share it, the more tokens it makes. */
  readonly decode: number
  /** Prompts that are under way at once. */
  readonly seats: number
  /** Times are multiplied by it. */
  slowness(this: void): number
}

interface Waiting {
  readonly tokens: number
  readonly steps: number
  enter(this: void, milliseconds: number): void
}

/** Only a prompt's last block is computed again while the prefix cache still knows it. */
const block = 32
const remembered = 4096

const prefixCache = () => {
  const known = new Set<number>()
  return (hash: number, tokens: number): number => {
    const cost = known.has(hash) ? Math.min(block, tokens) : tokens
    known.delete(hash)
    known.add(hash)
    if (known.size > remembered) known.delete(known.values().next().value!)
    return cost
  }
}

export const queue = ({ prefill, decode, seats, slowness }: QueueOptions) => {
  const waiting: Waiting[] = []
  const costOf = prefixCache()
  let running = 0
  let free = 0 // when everything that was taken is prefilled
  const next = () => {
    while (running < seats && waiting.length > 0) {
      const { tokens, steps, enter } = waiting.shift()!
      running++
      const now = performance.now()
      free = Math.max(free, now) + (1000 * slowness() * tokens) / prefill
      enter(free - now + steps * decode * slowness())
    }
  }
  const left = () => {
    running--
    next()
  }
  return {
    get running() {
      return running
    },
    get waiting() {
      return waiting.length
    },
    /** Share of the seats in use. */
    get use() {
      return running / seats
    },
    /** Resolves when a prompt has been read and so many tokens were written, or when nobody waits for it any more. */
    taken: (prompt: { hash: number; tokens: number }, steps: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve()
        let timer: NodeJS.Timeout | undefined
        const entry: Waiting = {
          tokens: costOf(prompt.hash, prompt.tokens),
          steps,
          enter: (milliseconds) => void (timer = setTimeout(end, milliseconds)),
        }
        const end = () => {
          signal.removeEventListener('abort', end)
          clearTimeout(timer)
          if (timer) left()
          else waiting.splice(waiting.indexOf(entry), 1)
          resolve()
        }
        signal.addEventListener('abort', end, { once: true })
        waiting.push(entry)
        next()
      }),
  }
}
export type Queue = ReturnType<typeof queue>
