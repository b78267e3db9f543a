/** What every selector promises. Call `selectorContract` inside a test file with an open selector. */
import { describe, expect, test } from 'vitest'
import type { Choice, Selector } from '../../method/ports.ts'
import { candidate } from '../method/candidate.ts'

const never = new AbortController().signal

/** A candidate is a choice with more to it; what a selector must not see is never handed on. */
export const choiceOf = (id: string, rank: number, more: Partial<Choice> = {}): Choice => {
  const { same_as: _, twin_of: __, not_available: ___, ...choice } = candidate(id, rank, more)
  return choice
}

/** As they come: found by both rankings, by one, written by the reader, given from outside, empty, foreign, long. */
export const choices: readonly Choice[] = [
  choiceOf('etna', 1, {
    ...{ title: 'Mount Etna', text: 'Mount Etna is a volcano on the east coast of Sicily that erupted in 1669.' },
    ...{ score: 0.0325, dense_rank: 1, dense_score: 0.71, sparse_rank: 2, sparse_score: 11.4, given_score: 0.5 },
  }),
  choiceOf('violin', 2, {
    ...{ title: 'Violin', text: 'The violin has four strings, tuned in fifths.' },
    ...{ score: 0.0164, dense_rank: 2, dense_score: 0.31, given_score: 0.25 },
  }),
  choiceOf('bread', 3, { text: 'A sourdough loaf rises.', score: 0.0161, sparse_rank: 1, sparse_score: 12 }),
  choiceOf('empty', 4, { text: '', score: 0.01, given_score: -3 }),
  choiceOf('foreign', 5, {
    title: 'エトナ山',
    text: 'エトナ山はシチリア島の火山である。',
    dense_rank: 90,
    dense_score: -0.02,
  }),
  choiceOf('long', 6, { text: 'erupts '.repeat(3000), sparse_rank: 100, sparse_score: 0.1 }),
  choiceOf('generated', 7, { source: 'generated', text: 'Etna last erupted long ago.', given_score: 1 }),
]
const question = 'When did the volcano in Sicily erupt?'

const close = (a: readonly number[] | undefined, b: readonly number[] | undefined, tolerance: number) =>
  a?.forEach((score, i) => expect(Math.abs(score - b![i]!)).toBeLessThanOrEqual(tolerance))

export interface SelectorContract {
  /** By how much a score may differ where others are computed beside it (default 0). */
  readonly tolerance?: number
}

export const selectorContract = (
  name: string,
  open: () => Promise<Selector>,
  { tolerance = 0 }: SelectorContract = {},
) =>
  describe(`the selector port: ${name}`, () => {
    const opened = open()
    const score = async (asked = question, of = choices) => (await opened).score(asked, of, never)

    test('every choice, an empty, a foreign and a long one too, gets one finite score', async () => {
      const scores = await score()
      expect(scores).toHaveLength(choices.length)
      expect(scores.filter(Number.isFinite)).toHaveLength(choices.length)
    })

    test('a choice keeps its score wherever it stands in the list', async () => {
      const order = [3, 0, 6, 2, 5, 1, 4]
      const scores = await score()
      const moved = await score(
        question,
        order.map((at) => choices[at]!),
      )
      close(order.map((at) => scores[at]!), moved, tolerance) // prettier-ignore
    })

    test('asked again, after others or beside them, it says the same', async () => {
      const alone = await score()
      const other = () => score('How many strings has a violin?', choices.slice(1, 4))
      await other()
      const [, again, , beside] = await Promise.all([other(), score(), other(), score()])
      close(alone, again, tolerance)
      close(alone, beside, tolerance)
    })

    test('one choice is scored, and an empty or very long question too', async () => {
      for (const [asked, of] of [
        [question, choices.slice(0, 1)],
        ['', choices],
        ['why '.repeat(2000), choices],
      ] as const)
        // prettier-ignore
        expect((await score(asked, of)).filter(Number.isFinite)).toHaveLength(of.length)
    })

    test('no choices have no scores', async () => expect(await score(question, [])).toEqual([]))

    test('what it is handed stays as it was', async () => {
      const before = structuredClone(choices)
      await score()
      expect(choices).toEqual(before)
    })

    test('an aborted call ends with the reason of its signal, and the next call works', async () => {
      const abort = new AbortController()
      const reason = new Error('the caller went away')
      abort.abort(reason)
      await expect((await opened).score(question, choices, abort.signal)).rejects.toBe(reason)
      expect(await score()).toHaveLength(choices.length)
    })

    test('it says who it is', async () => {
      const { identity } = await opened
      expect(identity.name).not.toBe('')
      expect(identity.sha256).toMatch(/^([0-9a-f]{64})?$/)
    })

    test('closing is the end of it', async () => {
      await (await opened).close?.()
      await (await opened).close?.()
    })
  })
