/** The reader: greedy text, token by token, on the same sequences and under the same prompts as the scorer. */
import type { Reader, Reading } from '../../method/ports.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Identity } from '../../schemas/identity.ts'
import type { Passage } from '../../schemas/passage.ts'
import type { PromptTemplate } from '../../method/prompt.ts'
import { misfit, type Prompts, type Tokenizer } from './prompts.ts'
import { promptly } from './admission.ts'
import type { Rows } from './rows.ts'
import type { Slot, Slots } from './slots.ts'
import type { Seconds, Timed } from './time.ts'

export interface ReaderParts {
  readonly identity: Identity
  readonly prompts: Prompts
  readonly tokenizer: Tokenizer
  readonly slots: Slots
  readonly rows: Rows
  readonly timed: Timed
  /** A token that ends a turn. */
  ends(this: void, token: number): boolean
}

interface Work {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  /** An answer ends where its first line does. */
  readonly oneLine: boolean
  readonly cuts: readonly string[]
}

/** As many of the passages as fit, each cut to its limit, and what was cut. @throws Rejected when none is too many. */
const fitted = (
  prompts: Prompts,
  request: { question: string; passages: readonly Passage[]; template: PromptTemplate; passageTokens: number },
  maxTokens: number,
): { prompt: number[]; cuts: string[] } => {
  const { template, question } = request
  const cut = request.passages.map((passage) => prompts.cut(template, passage, request.passageTokens))
  const cuts = cut.flatMap(({ passage, cut: n }) => (n > 0 ? [`passage ${passage.id} cut by ${n} tokens`] : []))
  for (let kept = cut.length; kept >= 0; kept--) {
    const prompt = prompts.prompt(template, question, cut.slice(0, kept).map(({ passage }) => passage)) // prettier-ignore
    const tooLong = misfit('the prompt', prompt.length, maxTokens, prompts.contextSize)
    if (tooLong && kept === 0) throw new Rejected(tooLong)
    if (tooLong) continue
    const left = cut.length - kept
    return { prompt, cuts: left > 0 ? [...cuts, `the last ${left} of ${cut.length} passages left out`] : cuts }
  }
  throw new Rejected('the prompt does not fit')
}

export const openReader = ({ identity, prompts, tokenizer, slots, rows, timed, ends }: ReaderParts): Reader => {
  const generate = async (slot: Slot, work: Work, signal: AbortSignal) => {
    const written: number[] = []
    let evaluated = 0
    for (;;) {
      const tokens = [...work.prompt, ...written]
      let next = -1
      const read = async (row: number) => void (next = await rows.likeliest(row))
      evaluated += await slot.evaluate(tokens, [{ position: tokens.length - 1, order: 0, read }], signal)
      if (ends(next)) return { text: tokenizer.detokenize(written), written, evaluated, stopped: false }
      written.push(next)
      const text = tokenizer.detokenize(written)
      if (work.oneLine && text.trimStart().includes('\n')) return { text, written, evaluated, stopped: false }
      if (written.length >= work.maxTokens) return { text, written, evaluated, stopped: true }
    }
  }

  const reading = async (work: Work, signal: AbortSignal, seconds: Seconds): Promise<Reading> => {
    const held = slots.holding(work.prompt, signal, (slot) => generate(slot, work, signal))
    const { text, written, evaluated, stopped } = await promptly(held, signal)
    const cuts = stopped ? [...work.cuts, `stopped after ${work.maxTokens} tokens`] : work.cuts
    const line = work.oneLine ? (text.trim().split('\n')[0] ?? '') : text
    return {
      text: line.replace(/\uFFFD+$/, '').trim(),
      usage: {
        calls: 1,
        prompt_tokens: evaluated - Math.max(0, written.length - 1),
        output_tokens: written.length,
        cache_hits: 0,
        seconds: seconds(),
      },
      cut: cuts.length > 0 ? cuts.join('; ') : null,
    }
  }

  return {
    identity,
    answer: async (request, signal) => {
      signal.throwIfAborted()
      const { maxTokens } = request
      const work = { ...fitted(prompts, request, maxTokens), maxTokens, oneLine: true }
      return timed((seconds) => reading(work, signal, seconds))
    },
    imagine: async ({ question, template, maxTokens }, signal) => {
      signal.throwIfAborted()
      const bare = { question, template, passages: [], passageTokens: 0 }
      const work = { ...fitted(prompts, bare, maxTokens), maxTokens, oneLine: false }
      return timed((seconds) => reading(work, signal, seconds))
    },
  }
}
