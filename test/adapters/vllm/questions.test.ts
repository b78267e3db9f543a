import { expect, test } from 'vitest'
import type { Member, State } from '../../../adapters/vllm/members.ts'
import { questions } from '../../../adapters/vllm/questions.ts'
import type { Server } from '../../../adapters/vllm/server.ts'
import { Rejected, Unavailable } from '../../../runtime/errors.ts'
import { pause } from '../../../runtime/wait.ts'

const never = new AbortController().signal

interface Double {
  readonly name: string
  state: State
  asked: number
  tokenize: Server['tokenize']
}

const double = (name: string, answer: (signal: AbortSignal) => Promise<readonly number[]>): Double => {
  const own: Double = {
    ...{ name, state: 'ready', asked: 0 },
    tokenize: (_text, _special, signal) => {
      own.asked++
      return answer(signal)
    },
  }
  return own
}

const among = (all: readonly Double[], limit = 50) =>
  questions({
    ...{ servers: () => all as unknown as Server[], limit },
    fleet: {
      members: () =>
        all.map(({ name, state }): Member => ({ key: name, state, reason: undefined, inFlight: 0, limit: 1 })),
      endpoint: {
        async ready(signal) {
          while (!signal.aborted && !all.some(({ state }) => state === 'ready')) await pause(5)
        },
      },
    },
  })

const well = (name: string, tokens = [1]) => double(name, () => Promise.resolve(tokens))
const away = (name: string) =>
  double(name, () => Promise.reject(new Unavailable('gone', { endpoint: name, inFlight: true })))
const deaf = (name: string) => double(name, () => new Promise(() => {}))

test('questions go to all servers that are ready, in turn, and to no other', async () => {
  const [a, b, lost] = [well('a'), well('b'), well('lost')]
  lost.state = 'away'
  const { tokenize } = among([a, b, lost])
  for (let i = 0; i < 6; i++) await tokenize('x', false, never)
  expect([a.asked, b.asked, lost.asked]).toEqual([3, 3, 0])
})

test('a server that breaks off or says nothing is passed over for a while, and the question is answered by another', async () => {
  for (const bad of [away('bad'), deaf('bad')]) {
    const good = well('good', [7])
    const { tokenize } = among([bad, good])
    for (let i = 0; i < 5; i++) expect(await tokenize('x', false, never)).toEqual([7])
    expect(bad.asked).toBe(1)
  }
})

test('three failures in a row are a failure of the question, which is no loss of the record’s', async () => {
  const [a, b] = [away('a'), away('b')]
  const failure = await among([a, b])
    .tokenize('x', false, never)
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ name: 'Unavailable', inFlight: false })
  expect(a.asked + b.asked).toBe(3)
})

test('what is refused is asked once', async () => {
  const refusing = double('a', () => Promise.reject(new Rejected('no')))
  await expect(among([refusing, refusing]).tokenize('x', false, never)).rejects.toThrow(Rejected)
  expect(refusing.asked).toBe(1)
})

test('where no server is ready a question waits for one, or until nobody wants it any more', async () => {
  const late = well('late', [9])
  late.state = 'away'
  const { tokenize, some } = among([late])
  expect(some).toThrow('no vLLM server is ready')
  const answer = tokenize('x', false, never)
  const given = tokenize('x', false, AbortSignal.timeout(20))
  await expect(given).rejects.toThrow('timeout')
  late.state = 'ready'
  expect(await answer).toEqual([9])
})
