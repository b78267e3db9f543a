/** `gainstream bench label` against a simulated server: what it prints, not how fast anything is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generated } from '../../cli/bench/material.ts'
import { worked } from '../../cli/bench/window.ts'
import { simulatedServer, type SimulatedServer } from '../vllm/fleet.ts'
import { folder, run } from './command.ts'

const where = folder()
afterAll(() => where.remove())

const bench = (...args: string[]) => run(['bench', 'label', ...args], { cwd: where.path })

describe('gainstream bench label', () => {
  let server: SimulatedServer
  beforeAll(async () => {
    server = await simulatedServer({ prefill: 1_000_000 })
  })
  afterAll(() => server.kill())

  test('gives the ceiling, our rate beside it and what money buys, with what they were measured on', async () => {
    const flags = ['--minutes', '0.1', '--passages', '4', '--queries', '8', '--price-hour', '2', '--json']
    const { code, stdout, stderr } = await bench('--url', `${server.url}/v1`, ...flags)
    expect([code, stderr]).toEqual([0, expect.stringContaining('at once') as string])
    const figures = JSON.parse(stdout) as Record<
      'ratio' | 'tokensPerPrompt' | 'labelsPerHour' | 'labelsPerMoney',
      number
    > &
      Record<'ceiling' | 'ours', { passagesPerSecond: number; windows: number[]; passages: number; seconds: number }>
    const { ceiling, ours, ratio, labelsPerHour, labelsPerMoney } = figures
    expect(figures).toMatchObject({ material: 'generated', passages: 4, golds: 1, scorer: { runner: 'simulated' } })
    for (const side of [ceiling, ours]) {
      expect(side.windows.length).toBe(3)
      expect(side.passagesPerSecond).toBeCloseTo(side.passages / side.seconds)
    }
    expect(ratio).toBeCloseTo(ours.passagesPerSecond / ceiling.passagesPerSecond)
    expect(labelsPerHour).toBeCloseTo(3600 * ours.passagesPerSecond)
    expect(labelsPerMoney).toBeCloseTo(labelsPerHour / 2)
    expect(figures.tokensPerPrompt).toBeGreaterThan(300) // a token a byte
  })

  test('prints for people what the material was and what the ratio means', async () => {
    const { code, stdout } = await bench('--url', server.url, '--minutes', '0.05', '--passages', '2', '--queries', '2')
    expect(code).toBe(0)
    expect(stdout).toMatch(/generated material: 2 passages a query, 1 gold, /)
    expect(stdout).toMatch(/gainstream reaches \d+\.\d\d of what the server can prefill: [\d,]+ labels an hour\n/)
  })
})

test('a server that is not there is one sentence', async () => {
  const { code, stdout, stderr } = await bench('--url', 'http://127.0.0.1:1', '--minutes', '0.1')
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(
    /^gainstream: http:\/\/127\.0\.0\.1:1 cannot be reached \(.*\): is a vLLM server running there\?\n$/,
  )
})

test('minutes that are none are refused', async () => {
  const { code, stderr } = await bench('--url', 'http://127.0.0.1:1', '--minutes', '0')
  expect([code, stderr]).toEqual([expect.any(Number) as number, expect.stringContaining('more than 0') as string])
  expect(code).not.toBe(0)
})

describe('generated material', () => {
  test('is the same for the same seed and shares no passage with another', () => {
    const texts = (seed: string) => generated(seed, 5, 4, 2).flatMap(({ passages }) => passages.map(({ text }) => text))
    expect(texts('a')).toEqual(texts('a'))
    expect(new Set([...texts('a'), ...texts('b')]).size).toBe(40)
  })

  test('has passages of about 100 words', () => {
    const lengths = generated('a', 20, 5, 1).flatMap(({ passages }) =>
      passages.map(({ text }) => text.split(' ').length),
    )
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
    expect(mean).toBeGreaterThan(80)
    expect(mean).toBeLessThan(120)
  })
})

describe('a window of work', () => {
  const tasks = (n: number, ran: number[]) =>
    Array.from({ length: n }, (_, i) => ({
      passages: 3,
      run: async () => {
        ran.push(i)
        await new Promise((resolve) => setTimeout(resolve, 20))
      },
    }))

  test('counts what was done, and ends with its time', async () => {
    const ran: number[] = []
    const { passages, latencies } = await worked(tasks(1000, ran), 2, performance.now() + 100)
    expect(ran.length).toBeLessThan(100)
    expect([passages, latencies.length]).toEqual([3 * ran.length, ran.length])
  })

  test('does everything where there is no end, so many at once', async () => {
    const ran: number[] = []
    const { passages, seconds } = await worked(tasks(10, ran), 5)
    expect([passages, ran.length]).toEqual([30, 10])
    expect(seconds).toBeLessThan(0.18)
  })
})
