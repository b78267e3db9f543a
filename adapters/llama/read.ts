/** The reader: greedy text, token by token, on the same sequences and under the same prompts as the scorer. */
import type { Reader, Reading } from '../../method/ports.ts'
import type { Identity } from '../../schemas/identity.ts'
import type { Prompts } from '../reader/prompts.ts'
import { readingOf, toAnswer, toImagine, type Work } from '../reader/reading.ts'
import { promptly } from '../reader/admission.ts'
import type { Rows } from './rows.ts'
import type { Slot, Slots } from './slots.ts'
import type { Seconds, Timed } from '../reader/time.ts'

export interface ReaderParts {
  readonly identity: Identity
  readonly prompts: Prompts
  detokenize(this: void, tokens: readonly number[]): string
  readonly slots: Slots
  readonly rows: Rows
  readonly timed: Timed
  /** A token that ends a turn. */
  ends(this: void, token: number): boolean
}

export const openReader = ({ identity, prompts, detokenize, slots, rows, timed, ends }: ReaderParts): Reader => {
  const generate = async (slot: Slot, work: Work, signal: AbortSignal) => {
    const written: number[] = []
    let evaluated = 0
    for (;;) {
      const tokens = [...work.prompt, ...written]
      let next = -1
      const read = async (row: number) => void (next = await rows.likeliest(row))
      evaluated += await slot.evaluate(tokens, [{ position: tokens.length - 1, order: 0, read }], signal)
      if (ends(next)) return { text: detokenize(written), written, evaluated, stopped: false }
      written.push(next)
      const text = detokenize(written)
      if (work.oneLine && text.trimStart().includes('\n')) return { text, written, evaluated, stopped: false }
      if (written.length >= work.maxTokens) return { text, written, evaluated, stopped: true }
    }
  }

  const reading = async (work: Work, signal: AbortSignal, seconds: Seconds): Promise<Reading> => {
    const held = slots.holding(work.prompt, signal, (slot) => generate(slot, work, signal))
    const { text, written, evaluated, stopped } = await promptly(held, signal)
    return {
      ...readingOf(work, text, stopped),
      usage: {
        calls: 1,
        prompt_tokens: evaluated - Math.max(0, written.length - 1),
        output_tokens: written.length,
        cache_hits: 0,
        seconds: seconds(),
      },
    }
  }

  return {
    identity,
    answer: async (request, signal) => {
      signal.throwIfAborted()
      const work = await toAnswer(prompts, request, signal)
      return timed((seconds) => reading(work, signal, seconds))
    },
    imagine: async (request, signal) => {
      signal.throwIfAborted()
      const work = await toImagine(prompts, request, signal)
      return timed((seconds) => reading(work, signal, seconds))
    },
  }
}
