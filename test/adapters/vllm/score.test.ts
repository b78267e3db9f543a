/** The scorer over a server whose figures are made up here: what is asked for, and what the cache saves. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openScoreCache } from '../../../adapters/reader/cache.ts'
import { openPrompts } from '../../../adapters/reader/prompts.ts'
import { sharedTime } from '../../../adapters/reader/time.ts'
import { agreement } from '../../../adapters/vllm/agreement.ts'
import { together, type Work } from '../../../adapters/vllm/measuring.ts'
import { openScorer, type Known } from '../../../adapters/vllm/score.ts'
import type { Server } from '../../../adapters/vllm/server.ts'
import { answering } from '../../../method/prompt.ts'
import type { Identity } from '../../../schemas/identity.ts'

const never = new AbortController().signal
const letters = (text: string) => [...text].map((letter) => letter.codePointAt(0)!)
const prompts = openPrompts(
  ({ system, user }) => letters(system + user),
  { tokenize: letters, detokenize: (tokens) => String.fromCodePoint(...tokens) },
  2000,
)
const named: Identity = {
  model: 'made up',
  revision: '1',
  dtype: 'none',
  server: 'test',
  runner: '',
  plugin: '',
  prompt: null,
}
const passages = ['a', 'b', 'c'].map((id) => ({ id, title: id, text: `text ${id}` }))

const scoring = (path?: string, identity = named) => {
  const asked: Work[] = []
  const known: Known = { server: { name: 'test' } as Server, identity, timed: sharedTime() }
  const figure = (prompt: readonly number[], gold: readonly number[]) =>
    gold.map((token) => -(prompt.length % 7) - token / 1000)
  const scorer = openScorer({
    ...{ identity, exact: true, prompts, vocabulary: 1000 },
    fleet: { call: (_key, work, signal) => work(known, signal) },
    measure: (_server, work) => {
      asked.push(work)
      const answers = (prompt: readonly number[]) =>
        work.golds.map((gold) => ({
          plain: figure(prompt, gold),
          contrast: work.alphas.map(() => figure(prompt, gold)),
        }))
      return Promise.resolve({
        base: work.golds.map((gold) => figure(work.base, gold)),
        scores: work.prompts.map(answers),
      })
    },
    ...(path !== undefined && { cache: openScoreCache(path, 'contrastive') }),
  })
  const score = (answers: string[], some = passages) =>
    scorer.score(
      { question: 'q', answers, passages: some, template: answering, alphas: [0.5], passageTokens: 100 },
      never,
    )
  return { score, asked }
}

test('what the cache holds is not measured again, and the figures are the same', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gainstream-score-')), 'scores.sqlite')
  const fresh = await scoring().score(['ab', 'cd'])
  const first = scoring(path)
  await first.score(['ab'], passages.slice(0, 2))
  const second = scoring(path)
  const scores = await second.score(['ab', 'cd'])
  expect(scores.passages).toEqual(fresh.passages)
  expect(scores.base).toEqual(fresh.base)
  expect(scores.usage.cache_hits).toBe(3)
  const third = scoring(path)
  expect((await third.score(['cd', 'ab'], passages.toReversed())).usage).toMatchObject({
    calls: 0,
    prompt_tokens: 0,
    cache_hits: 8,
  })
  expect(third.asked).toEqual([])
})

test('figures of a server that does not say which weights it has are not remembered: another may have its name', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'gainstream-score-')), 'scores.sqlite')
  const nameless = { ...named, revision: '' }
  await scoring(path, nameless).score(['ab'])
  const again = scoring(path, nameless)
  expect((await again.score(['ab'])).usage.cache_hits).toBe(0)
  expect(again.asked.length).toBe(1)
})

test('a gold with a token that the model has no row for is rejected, and nothing is asked', async () => {
  const { score, asked } = scoring()
  await expect(score(['ab', '東'])).rejects.toThrow(/token 26481, and the model knows 1000/)
  expect(asked).toEqual([])
})

test('a passage that does not fit is left out of what is asked, and keeps its place', async () => {
  const { score, asked } = scoring()
  const long = { id: 'long', title: 't'.repeat(3000), text: '' }
  const { passages: scored } = await score(['ab'], [passages[0]!, long, passages[1]!])
  expect(scored.map((one) => 'unscored' in one)).toEqual([false, true, false])
  expect(asked[0]!.prompts.length).toBe(2)
})

test('work that is done together ends together: after a failure nothing begins, and the rest is aborted', async () => {
  const begun: number[] = []
  const aborted: number[] = []
  const work = async (item: number, signal: AbortSignal) => {
    begun.push(item)
    if (item === 1) throw new Error('one')
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    aborted.push(item)
  }
  await expect(together([0, 1, 2, 3, 4], never, work, 2)).rejects.toThrow('one')
  expect([begun, aborted]).toEqual([[0, 1], [0]])
})

test('a server that differs from the first is refused with what differs', () => {
  const { join: joins, what } = agreement()
  const capability = { served: { model: 'm', contextSize: 1000, version: '0.32' }, identity: named, vocabulary: 10 }
  joins('one:1', capability)
  expect(() => joins('two:2', { ...capability, identity: { ...named, dtype: 'bfloat16' } })).toThrow(
    /two:2 and one:1 differ in dtype \(bfloat16 and none\)/,
  )
  expect(() => joins('two:2', { ...capability, served: { ...capability.served, contextSize: 500 } })).toThrow(
    /--max-model-len 1000/,
  )
  joins('two:2', {
    ...capability,
    identity: { ...named, server: 'vLLM 0.33' },
    served: { ...capability.served, contextSize: 4000 },
  })
  expect(what().contextSize).toBe(1000)
})
