/** The scorer on a simulated server: what it is asked without α, and what fills its context, which it cuts as the real one does. */
import { afterAll, expect, test } from 'vitest'
import { openVllm } from '../../../adapters/vllm/index.ts'
import { answering } from '../../../method/prompt.ts'
import { simulatedServer } from '../../vllm/fleet.ts'

const context = 300
const never = new AbortController().signal
const closers: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closers) await close()
})

const open = async (measure: 'contrastive' | 'plain') => {
  const server = await simulatedServer({ context })
  const vllm = await openVllm({ source: { kind: 'list', urls: [server.url] }, measure })
  closers.push(async () => {
    await vllm.close()
    await server.kill()
  })
  return vllm
}

/** A token a letter. */
const answer = 'a b c d e'
const passage = (letters: number) => ({ id: `${letters}`, title: '', text: 'x'.repeat(letters) })

test('where no α is asked for, a server with the plugin gives the plain figures alone', async () => {
  const { scorer } = await open('contrastive')
  const request = { question: 'q', answers: ['a b', 'a c'], template: answering, passageTokens: 99 }
  const passages = [passage(3)]
  const [none] = (await scorer.score({ ...request, alphas: [], passages }, never)).passages
  const [some] = (await scorer.score({ ...request, alphas: [0.5], passages }, never)).passages
  const plain = (one: typeof none) => ('answers' in one! ? one.answers.map((each) => each.plain) : [])
  expect(plain(none)).toEqual(plain(some))
  expect('answers' in none! && none.answers.map(({ contrast }) => contrast)).toEqual([[], []])
})

test.each(['contrastive', 'plain'] as const)(
  'measured %s, a passage that fills the context with the answer is scored, and one a token longer is not sent',
  async (measure) => {
    const { scorer } = await open(measure)
    const score = async (...letters: number[]) => {
      const passages = letters.map(passage)
      const alphas = measure === 'plain' ? [] : [0.5]
      const request = { question: 'q', answers: [answer], template: answering, passageTokens: 2000, alphas, passages }
      return (await scorer.score(request, never)).passages.map((one) => ('unscored' in one ? one.unscored : ''))
    }
    const [why] = await score(1000)
    const around = Number(/has (\d+) tokens/.exec(why!)![1]) - 1000
    const most = context - answer.length - around
    expect(most).toBeGreaterThan(2)
    expect((await score(most - 1, most, most + 1, most + 2)).map((each) => each === '')).toEqual([
      ...[true, true, false, false],
    ])
  },
)
