import { describe, expect, test } from 'vitest'
import { answering, promptHash } from '../../method/prompt.ts'
import { generate } from '../../processors/index.ts'
import type { Context } from '../../schemas/context.ts'
import { answers } from '../../topics/index.ts'
import { candidate } from '../method/candidate.ts'
import {
  asked,
  attempt,
  cost,
  identity,
  key,
  never,
  query,
  readerSaying,
  server,
  single,
  taken,
  usage,
} from './records.ts'

const kept = [candidate('b', 2), candidate('a', 1), candidate('c', 3)]
const context = (more: Partial<Context> = {}): Context => ({
  ...{ ...asked(), kept, scored: [], selector: { name: 'double', sha256: '' }, abstained: false, shadow: null },
  ...more,
})
const settings = {
  ...{ passages: 2, passageTokens: 100, answerTokens: 32, now: () => 5000 },
  prompt: (dataset: string) => (dataset === 'nq' ? { ...answering, system: 'nq only' } : answering),
}

describe('generate', () => {
  test('answers with the first kept passages in selector order, under the prompt of the dataset', async () => {
    const { reader, requests } = readerSaying('the Danube')
    await taken(generate, context(), { ...settings, reader })
    const request = { question: query().question, passages: kept.slice(0, 2), template: settings.prompt('nq') }
    expect(requests).toEqual([
      { request: { ...request, passageTokens: 100, maxTokens: 32 }, signal: never, hint: attempt },
    ])
  })

  test('leaves the answer with its context, how many passages were read, who read them, when, and what it cost', async () => {
    const { reader } = readerSaying('the Danube')
    const { outputs, tally } = await taken(generate, context(), { ...settings, reader })
    expect(single(outputs, answers)).toEqual({
      key,
      value: {
        ...{ context: context(), prediction: 'the Danube', passages: 2, usage, answered_at: 5000, cut: null },
        reader: { ...identity, prompt: promptHash(settings.prompt('nq')) },
      },
    })
    expect(tally).toEqual({ outcome: 'answered', sums: cost })
  })

  test('names the server that answered, where the reader is several', async () => {
    const { reader } = readerSaying('the Danube', { identity: server })
    const { outputs } = await taken(generate, context(), { ...settings, reader })
    expect(single(outputs, answers).value.reader).toEqual({ ...server, prompt: promptHash(settings.prompt('nq')) })
  })

  test('says why a prompt or an answer was cut', async () => {
    const { reader } = readerSaying('the Dan', { cut: 'the answer stopped at 2 tokens' })
    const { outputs } = await taken(generate, context(), { ...settings, reader })
    expect(single(outputs, answers).value.cut).toBe('the answer stopped at 2 tokens')
  })

  test.each([
    ['none are wanted', { passages: 0 }, {}],
    ['none were kept', {}, { kept: [] }],
  ])('answers from the question alone where %s', async (_why, changes, more) => {
    const { reader, requests } = readerSaying('the Danube')
    const { outputs } = await taken(generate, context(more), { ...settings, ...changes, reader })
    expect(requests).toMatchObject([{ request: { passages: [] } }])
    expect(single(outputs, answers).value.passages).toBe(0)
  })

  test('a live query is answered as any other', async () => {
    const { reader } = readerSaying('the Danube')
    const { outputs } = await taken(generate, context(asked({ answers: [] })), { ...settings, reader })
    expect(single(outputs, answers).value.prediction).toBe('the Danube')
  })
})
