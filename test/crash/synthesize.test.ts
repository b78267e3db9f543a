import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { settingsOf } from '../../adapters/sqlite/log.ts'
import { killSynthesize } from './kills.ts'
import { scratch } from './material.ts'
import { interruptOnce, interruptTwice, sleepPastLease } from './stops.ts'
import { clean, prepare, type Stage } from './synthesis.ts'
import { endAll } from './tool.ts'

/** The long form is `kill.ts`. Most of the time here is the reader's: see how few queries do. */
const to = scratch()
const long = 600_000
/** Seconds, as the tool opens its log: without a sign of life for a lease, a worker has lost its partitions. */
const [lease, heartbeat] = [settingsOf({}).lease / 1000, settingsOf({}).heartbeat / 1000]
let stage: Stage

beforeAll(async () => {
  stage = await prepare(to, { passages: 24, queries: 4 })
}, long)
afterAll(async () => {
  await endAll()
  to.drop()
})

describe('synthesize with the real models', () => {
  test(
    'killed at random moments and resumed, it gives the samples of an undisturbed run, each once',
    async () => {
      const killed = await killSynthesize(stage, { kills: 3, seed: 7, cache: false })
      const { scores, scores_twice, gains_twice } = killed
      console.log(`computed twice: ${gains_twice} of ${stage.keys.size} gains, ${scores_twice} of ${scores} scores`)
      expect(killed).toMatchObject(clean)
    },
    long,
  )

  test(
    'a worker that slept past its lease doubles nothing and loses nothing, and its work goes on meanwhile',
    async () => {
      const slept = await sleepPastLease(stage, 'slept')
      expect(slept).toMatchObject({ ...clean, codes: [0, 0] })
      expect(slept.taken).toBeGreaterThan(0)
      expect(slept.asleep).toBeGreaterThan(lease - heartbeat)
    },
    long,
  )

  test(
    'Ctrl-C ends with 130 and one sentence, and the same command goes on',
    async () => {
      const stopped = await interruptOnce(stage, 'interrupted', 7)
      const words = ['gainstream: stopped; the same command goes on from here']
      expect(stopped).toMatchObject({ ...clean, codes: [130, 0], words, out: '' })
    },
    long,
  )

  test(
    'a second Ctrl-C ends at once, and the same command goes on',
    async () => {
      const stopped = await interruptTwice(stage, 'interrupted-twice', 7)
      expect(stopped).toMatchObject({ ...clean, codes: [130, 0], words: [] })
      expect(stopped.seconds).toBeLessThan(2)
    },
    long,
  )
})
