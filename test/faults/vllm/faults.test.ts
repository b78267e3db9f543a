import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { admission } from '../../../adapters/reader/admission.ts'
import { lineOf } from './fault.ts'
import { faults } from './faults.ts'
import { rateOf, standstill, untilFull } from './rate.ts'
import { simulated } from './supplies.ts'

/** The long form is `run.ts`: more queries, longer faults, real servers. */
const queries = 80
const patience = 400_000
/** Each has a worker and two servers or three; most of its time it waits. */
const turn = admission(3)

const folder = mkdtempSync(join(tmpdir(), 'gainstream-faults-vllm-'))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))

const never = new AbortController().signal
const struck = (fault: (typeof faults)[number]) => turn(() => striking(fault), never)
const striking = async ({ name, run }: (typeof faults)[number]) => {
  const own = join(folder, name)
  mkdirSync(own)
  const found = await run({
    ...{ queries, seed: 7, short: true, folder: own, say: () => {} },
    ...{ place: { kind: 'embedded', path: join(own, 'log.sqlite') }, supply: simulated(40, 20_000) },
  })
  console.log(lineOf(name, found))
  return found
}

const whole = { lost: 0, doubled: 0, wrong: [] }
const named = (...names: string[]) => faults.filter(({ name }) => names.includes(name))

describe('the label stage on simulated vLLM servers', () => {
  test.concurrent.each(named('killed', 'stopped', 'refusing', 'one-gone', 'silent', 'malformed', 'newcomers'))(
    '$name: every query gets its gain once, and none is blamed',
    async (fault) => expect(await struck(fault)).toMatchObject({ ...whole, seen: queries, rejects: [] }),
    patience,
  )
  test.concurrent.each(named('poison-kills', 'poison-hangs', 'poison-stuns'))(
    '$name: one query alone is rejected, and takes at most four servers along',
    async (fault) => {
      const found = await struck(fault)
      expect(found).toMatchObject({ ...whole, seen: queries - 1, rejects: [{ id: 'q00026', kind: 'poison' }] })
    },
    patience,
  )
})

describe('rates', () => {
  /** Ten a second, nothing from 2 s to 5 s, half as much until 7 s, then ten a second again. */
  const times = [...Array(100).keys()].map((i) => i * 100).filter((at) => !(at >= 2_000 && at < 5_000) && !(at >= 5_000 && at < 7_000 && at % 200 > 0)) // prettier-ignore

  test('are counted between two moments', () => {
    expect(rateOf(times, 0, 2_000)).toBe(10)
    expect(rateOf(times, 2_000, 5_000)).toBe(0)
    expect(rateOf(times, 5_000, 7_000)).toBe(5)
  })

  test('are full again where the first stretch begins that has nine tenths of what it should', () => {
    expect(untilFull(times, 5_000, 10)).toBe(1_600)
    expect(untilFull(times, 5_000, 5)).toBe(0)
    expect(untilFull(times, 5_000, 20)).toBeUndefined()
  })

  test('stand still from one gain to the next', () => expect(standstill(times, 1_900, 6_000)).toBe(3_100))
})
