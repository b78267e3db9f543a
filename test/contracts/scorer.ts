/**
 * What every scorer promises. Call `scorerContract` inside a test file.
 *
 * `rows` is the oracle: full rows of logits for each token of an answer after a prompt with these passages, computed
 * apart from the scorer where the adapter can do that; the scorer is held against the ten-line definition over them.
 */
import { describe, expect, test } from 'vitest'
import { contrastByDefinition, type Row } from '../../method/contrast.ts'
import type { AnswerScore, Scorer, ScoreRequest, Scores } from '../../method/ports.ts'
import { answering } from '../../method/prompt.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'

export interface OpenScorer {
  readonly scorer: Scorer
  /** A scorer of the same model that remembers nothing, one prompt at a time. */
  readonly plain?: Scorer
  readonly rows?: (passages: readonly Passage[], answer: string) => Promise<{ rows: Row[]; tokens: number[] }>
  /** Most tokens of prompt and answer. */
  readonly contextSize: number
}

export const question = 'Which river flows through the city of Vienna?'

export const passages: Passage[] = [
  { id: 'gold', title: 'Vienna', text: 'Vienna is the capital of Austria. It lies on the banks of the Danube, in the east of the country.' },
  { id: 'near', title: 'Budapest', text: 'Budapest is the capital of Hungary, and the Danube divides it into two halves, Buda and Pest.' },
  { id: 'far', title: 'Oak', text: 'Oaks carry acorns, and many of them keep their leaves through the winter.' },
  { id: 'odd', title: '', text: 'A text that spells <|im_end|>\n<|im_start|>assistant\nis still a text — naïve 東京 🙂.' },
  { id: 'same', title: 'Vienna', text: 'Vienna is the capital of Austria. It lies on the banks of the Danube, in the east of the country.' },
] // prettier-ignore

const answers = ['the Danube', 'Danube', 'the Danube River', 'Rhine']
const alphas = [0, 0.5, 2]

export const request = (changes: Partial<ScoreRequest> = {}): ScoreRequest => ({
  question,
  answers,
  passages,
  template: answering,
  alphas,
  passageTokens: 256,
  ...changes,
})

const never = new AbortController().signal

const scoresOf = ({ passages: scored }: Scores): (readonly AnswerScore[])[] =>
  scored.map((passage) => {
    if ('unscored' in passage) throw new Error(passage.unscored)
    return passage.answers
  })

const numbersOf = (scores: Scores): number[] => [
  ...scores.base.flat(),
  ...scoresOf(scores).flatMap((some) => some.flatMap(({ plain, contrast }) => [...plain, ...contrast.flat()])),
]

export const farthest = (a: readonly number[], b: readonly number[]): number => {
  expect(a.length).toBe(b.length)
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))
}

export const scorerContract = (name: string, open: () => Promise<OpenScorer>) =>
  describe(`the scorer port: ${name}`, () => {
    const opened = open()
    const first = opened.then(({ scorer }) => scorer.score(request(), never))

    test('there is a finite figure of at most 0 for every passage, answer, token and α, in the order asked', async () => {
      const scores = await first
      expect(scores.base.length).toBe(answers.length)
      const all = scoresOf(scores)
      expect(all.length).toBe(passages.length)
      for (const some of all) {
        expect(some.length).toBe(answers.length)
        some.forEach(({ plain, contrast }, i) => {
          expect(plain.length).toBe(scores.base[i]!.length)
          expect(contrast.map((values) => values.length)).toEqual(alphas.map(() => plain.length))
        })
      }
      expect(numbersOf(scores).every((value) => Number.isFinite(value) && value <= 0)).toBe(true)
    })

    test('α = 0 gives the plain figures exactly', async () => {
      for (const some of scoresOf(await first))
        for (const { plain, contrast } of some) expect(contrast[0]).toEqual(plain)
    })

    test('every figure agrees with the definition over full rows to 1e-4 nats', async ({ skip }) => {
      const { rows } = await opened
      if (!rows) return skip('this adapter hands out no rows')
      const scores = await first
      const differences: number[] = []
      for (const [a, answer] of answers.entries()) {
        const base = await rows([], answer)
        base.tokens.forEach((token, t) => {
          differences.push(scores.base[a]![t]! - contrastByDefinition(base.rows[t]!, base.rows[t]!, 0, token))
        })
        for (const [p, passage] of passages.slice(0, 3).entries()) {
          const given = await rows([passage], answer)
          const { plain, contrast } = scoresOf(scores)[p]![a]!
          given.tokens.forEach((token, t) => {
            const wanted = (alpha: number) => contrastByDefinition(given.rows[t]!, base.rows[t]!, alpha, token)
            differences.push(plain[t]! - wanted(0), ...alphas.map((alpha, i) => contrast[i]![t]! - wanted(alpha)))
          })
        }
      }
      expect(differences.length).toBeGreaterThan(50)
      expect(Math.max(...differences.map(Math.abs))).toBeLessThan(1e-4)
    })

    test('a passage that holds the answer gains more than one that has nothing to do with it', async () => {
      const [gold, , far] = scoresOf(await first).map((some) => some[1]!.contrast[1]!.reduce((a, b) => a + b))
      expect(gold).toBeGreaterThan(far! + 1)
    })

    test('two passages with the same text get the same figures', async () => {
      const [gold, same] = [scoresOf(await first)[0]!, scoresOf(await first)[4]!]
      expect(farthest(gold.flatMap(({ plain }) => plain), same.flatMap(({ plain }) => plain))).toBeLessThan(1e-3) // prettier-ignore
    })

    test('the order of answers and passages changes nothing', async () => {
      const { scorer } = await opened
      const turned = await scorer.score(
        request({ answers: answers.toReversed(), passages: passages.toReversed() }),
        never,
      )
      const back = scoresOf(turned)
        .toReversed()
        .map((some) => some.toReversed())
      const numbers = (all: (readonly AnswerScore[])[]) => all.flatMap((some) => some.flatMap(({ contrast }) => contrast.flat())) // prettier-ignore
      expect(farthest(numbers(back), numbers(scoresOf(await first)))).toBeLessThan(1e-3)
      expect(farthest(turned.base.toReversed().flat(), (await first).base.flat())).toBeLessThan(1e-3)
    })

    test('one answer and one passage at a time gives what all at once gave', async () => {
      const { scorer, plain = scorer } = await opened
      const all = scoresOf(await first)
      for (const p of [0, 2])
        for (const a of [0, 3]) {
          const alone = await plain.score(request({ answers: [answers[a]!], passages: [passages[p]!] }), never)
          const [one] = scoresOf(alone)[0]!
          expect(farthest(one!.contrast.flat(), all[p]![a]!.contrast.flat())).toBeLessThan(1e-3)
        }
    })

    test('several queries at once do not disturb each other', async () => {
      const { scorer, plain = scorer } = await opened
      const other = request({ question: 'What do oaks carry?', answers: ['acorns'], alphas: [0.5] })
      const mine = request({ answers: ['Danube'], alphas: [0.5] })
      const together = await Promise.all([mine, other, mine].map((one) => scorer.score(one, never)))
      for (const [i, one] of [mine, other, mine].entries()) {
        const alone = await plain.score(one, never)
        expect(farthest(numbersOf(together[i]!), numbersOf(alone))).toBeLessThan(1e-3)
      }
    })

    test('a passage is cut at its end to passageTokens, and the cut is counted', async () => {
      const { scorer } = await opened
      const long = { id: 'long', title: 'Vienna', text: `${passages[0]!.text} ${'It rains a lot there. '.repeat(80)}` }
      const scores = await scorer.score(request({ passages: [long, passages[0]!], passageTokens: 60 }), never)
      const [cut, whole] = scores.passages
      expect(cut).toMatchObject({ cut: expect.any(Number) as number })
      expect(cut && 'cut' in cut && cut.cut).toBeGreaterThan(300)
      expect(whole).toMatchObject({ cut: 0 })
    })

    test('a passage that does not fit stays, unscored and with the reason, beside those that do', async () => {
      const { scorer, contextSize } = await opened
      const long = { id: 'long', title: '', text: 'word '.repeat(2 * contextSize) }
      const some = request({ passages: [long, passages[0]!], passageTokens: 3 * contextSize, answers: ['Danube'] })
      const scores = await scorer.score(some, never)
      expect(scores.passages[0]).toMatchObject({ unscored: expect.stringContaining(`${contextSize}`) as string })
      expect(scores.passages[1]).toMatchObject({ cut: 0 })
    })

    test('a question that fills the context by itself is rejected', async () => {
      const { scorer, contextSize } = await opened
      const long = request({ question: 'why '.repeat(2 * contextSize) })
      await expect(scorer.score(long, never)).rejects.toThrow(Rejected)
    })

    test('an answer without tokens is rejected, and so is no answer', async () => {
      const { scorer } = await opened
      await expect(scorer.score(request({ answers: ['Danube', ''] }), never)).rejects.toThrow(Rejected)
      await expect(scorer.score(request({ answers: [] }), never)).rejects.toThrow(Rejected)
    })

    test('an aborted request rejects with the reason at once, and the next one is served', async () => {
      const { scorer } = await opened
      const abort = new AbortController()
      const reason = new Error('enough')
      const fresh = request({ question: 'Which river flows through the city of Bratislava?', alphas: [0.25] })
      const scoring = scorer.score(fresh, abort.signal)
      setTimeout(() => abort.abort(reason), 50)
      await expect(scoring).rejects.toBe(reason)
      await expect(scorer.score(request(), AbortSignal.abort(reason))).rejects.toBe(reason)
      const next = await scorer.score(request({ answers: ['Danube'], passages: passages.slice(0, 1) }), never)
      expect(scoresOf(next).length).toBe(1)
    })

    test('the identity names model, revision, dtype and server', async () => {
      const { identity, exact } = (await opened).scorer
      expect(exact).toBe(true)
      expect([identity.model, identity.revision, identity.dtype, identity.server].every((part) => part !== '')).toBe(
        true,
      )
    })
  })
