/**
 * Labels a second on a server that somebody runs, beside what the server can prefill at best: the same kind of prompts
 * sent straight to it for one token each. Material is generated anew for each window, so that no side finds prompts in
 * the prefix cache that it has not put there itself; the sides take turns.
 */
import type { Scorer } from '../../method/ports.ts'
import type { PromptTemplate } from '../../method/prompt.ts'
import { generated } from './material.ts'
import type { Raw } from './raw.ts'
import { ceiling, scoring, tokensOf, type Side } from './sides.ts'
import { rate, total, worked, type Window } from './window.ts'

export interface LabelBench {
  readonly raw: Raw
  readonly scorer: Scorer
  readonly template: PromptTemplate
  /** Of the whole measurement. */
  readonly seconds: number
  /** A query. */
  readonly passages: number
  readonly golds: number
  /** Queries at once, at most; it is found by trying. */
  readonly atMost: number
  readonly signal: AbortSignal
  readonly say: (sentence: string) => void
}

export interface SideFigures {
  /** Queries at once. */
  readonly atOnce: number
  readonly passages: number
  readonly seconds: number
  readonly passagesPerSecond: number
  /** Of each window, in turn: how far to trust the mean. */
  readonly windows: readonly number[]
}

export interface LabelFigures {
  readonly tokensPerPrompt: number
  readonly ceiling: SideFigures
  readonly ours: SideFigures
  /** Ours to the ceiling. */
  readonly ratio: number
}

const names = ['ceiling', 'ours'] as const
type Name = (typeof names)[number]

const figuresOf = (windows: readonly Window[], atOnce: number): SideFigures => {
  const { passages, seconds } = total(windows)
  return { atOnce, passages, seconds, passagesPerSecond: passages / seconds, windows: windows.map(rate) }
}

/** Turns a side takes after the best number of queries at once was found. */
const turns = 3

/** Whoever adds queries and gains less than this has found the limit. */
const worthwhile = 1.03

export const benchLabel = async (bench: LabelBench): Promise<LabelFigures> => {
  const { raw, scorer, template, passages, golds, signal } = bench
  const seed = crypto.randomUUID()
  let made = 0
  const fresh = (queries: number) => generated(`${seed}-${made++}`, queries, passages, golds)
  const sides: Record<Name, Side> = { ceiling: ceiling(raw, template), ours: scoring(scorer, template) }
  const window = async (name: Name, queries: number, atOnce: number, end?: number): Promise<Window> =>
    worked(await sides[name](fresh(queries), signal), atOnce, end)

  const until = performance.now() + 1000 * bench.seconds
  const left = () => (until - performance.now()) / 1000
  await window('ours', 1, 1) // what a server sets up at its first request of a kind is not measured
  const first = await window('ceiling', 1, 1)

  /** Twice as many queries at once as long as that helps and its share of the time lasts. */
  const climb = async (name: Name, share: number): Promise<{ atOnce: number; speed: number }> => {
    const enough = performance.now() + 1000 * share
    let best = { atOnce: 1, speed: rate(first) }
    for (let atOnce = 1; atOnce <= bench.atMost && performance.now() < enough; atOnce *= 2) {
      const queries = Math.max(2 * atOnce, Math.ceil((2 * best.speed) / passages))
      const speed = rate(await window(name, queries, atOnce, enough))
      bench.say(`${name}, ${atOnce} ${atOnce === 1 ? 'query' : 'queries'} at once: ${speed.toFixed(2)} passages/s`)
      const better = speed > worthwhile * best.speed || atOnce === 1
      if (speed > best.speed || atOnce === 1) best = { atOnce, speed }
      if (!better) break
    }
    return best
  }
  const found = { ceiling: await climb('ceiling', left() / 4), ours: await climb('ours', left() / 4) }

  const windows: Record<Name, Window[]> = { ceiling: [], ours: [] }
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, name] of names.entries()) {
      const { atOnce, speed } = found[name]
      const seconds = Math.max(0, left()) / (2 * (turns - turn) - i)
      const queries = Math.max(atOnce + 1, Math.ceil((1.2 * seconds * speed) / passages))
      windows[name].push(await window(name, queries, atOnce, performance.now() + 1000 * seconds))
      bench.say(`${name}, turn ${turn + 1} of ${turns}: ${rate(windows[name].at(-1)!).toFixed(2)} passages/s`)
    }
  }
  const some = (await tokensOf(raw, fresh(1), template, signal))[0]!.passages
  const sums = { ceiling: figuresOf(windows.ceiling, found.ceiling.atOnce), ours: figuresOf(windows.ours, found.ours.atOnce) } // prettier-ignore
  return {
    tokensPerPrompt: some.reduce((sum, prompt) => sum + prompt.length, 0) / some.length,
    ...sums,
    ratio: sums.ours.passagesPerSecond / sums.ceiling.passagesPerSecond,
  }
}
