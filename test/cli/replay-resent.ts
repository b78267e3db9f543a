/** What is promised of records that are sent once more or given up by hand, on whichever engine. */
import { describe, expect, test } from 'vitest'
import { giveUp, settledWithin, unfinished } from '../../cli/giveup.ts'
import { readRejects, retry } from '../../cli/rejects.ts'
import { candidates, gains } from '../../topics/index.ts'
import { eventually } from '../conformance/tools.ts'
import { filled, queryOf, type Doubles } from './replaying.ts'

import { all, begun, child, flagsOf, keysIn, many, patience, signal } from './replay-bench.ts'

export const resent = (engine: 'embedded' | 'kafka') => {
  describe(`records that are sent once more (${engine})`, () => {
    test('go into one stage, each once, and say where they came from; what was given up goes as a retried reject', async () => {
      const doubles: Doubles = { broken: 'broken' }
      const { inject, worked, figures, stream } = await begun(engine, [...many(5), queryOf(20, 'broken')], doubles)
      expect(await figures()).toMatchObject({ rejected: 1, done: 6, complete: true })
      expect(await inject('label', { key: ['q1', 'r/q20'] })).toMatchObject({ records: 2, rejects: 1, executed: false })
      expect((await all(stream, candidates)).length).toBe(6)
      expect(await inject('label', { key: ['q1', 'r/q20'], execute: true })).toMatchObject({ sent: 1, retried: 1 })
      expect(await inject('label', { key: ['q1', 'r/q20'], execute: true })).toMatchObject({ sent: 0, retried: 0 })
      await worked()
      expect(await figures()).toMatchObject({ rejected: 1, done: 7, recount: { rejected: 1 } })
      const marked = (await all(stream, gains)).filter(({ headers }) => headers['replayed.from'] !== undefined)
      expect(marked.map(({ key }) => String(key))).toEqual(['r/q1'])
      doubles.broken = undefined
      expect(await inject('label', { rejectsOnly: true, execute: true, as: 'mended' })).toMatchObject({
        sent: 0,
        retried: 1,
      })
      await worked()
      expect(await figures()).toMatchObject({ rejected: 0, done: 7, recount: { rejected: 0 } })
    })

    test('are throttled, and killed and called again enter once', async () => {
      const { settings, world, inject, stream } = await begun(engine, many(40))
      const flags = flagsOf(settings, { intoStage: 'label', execute: true, rate: 20 })
      const began = Date.now()
      const { kill, ended, said } = child({ settings, doubles: {}, flags })
      const there = async () => (await all(stream, candidates)).length
      await eventually(`copies; ${said()}`, patience, async () => (await there()) > 40 || undefined)
      kill()
      await ended
      const copies = (await there()) - 40
      expect(copies).toBeLessThan(40)
      expect(copies).toBeLessThanOrEqual(20 * Math.ceil((Date.now() - began) / 1000))
      await filled(world, [queryOf(90)], 's', ['imagine', 'retrieve']) // came later: not of the stretch that was begun
      const { sent } = (await inject('label', { ...flags, rate: 1000 })) as { sent: number }
      const keys = await keysIn(stream, candidates)
      expect(keys.length).toBe(81)
      expect(new Set(keys).size).toBe(41)
      expect(sent).toBe(40 - copies)
      expect(await inject('label', { ...flags, rate: 1000 })).toMatchObject({ sent: 0 })
      expect(await inject('label', { ...flags, rate: 1000, as: 'again' })).toMatchObject({ sent: 41 })
    }, 90_000)

    test('only where the stage reads them', async () => {
      const { inject } = await begun(engine, many(1))
      await expect(inject('distil', {})).rejects.toThrow(
        'distil does not read candidates: that is read by label and select',
      )
    })
  })

  describe(`a record that is stuck (${engine})`, () => {
    test('is given up by hand while another process hangs in it, and can be retried afterwards', async () => {
      const { settings, stream, figures, worked } = await begun(engine, [...many(4), queryOf(21, 'stuck')], {}, [
        'imagine',
        'retrieve',
      ])
      const { kill, ended, said } = child({ settings, doubles: { stuck: 'stuck' } })
      const labelled = async () => (await keysIn(stream, gains)).length
      await eventually(`four gains; ${said()}`, patience, async () => (await labelled()) === 4 || undefined)
      const [record] = (await all(stream, candidates)).filter(({ key }) => String(key) === 'r/q21')
      const { partition, position } = record!
      const place = { stage: 'label', partition, position }
      const stuck = await unfinished(stream, place)
      expect(stuck).toMatchObject({ key: 'r/q21', run: 'r' })
      expect(await figures()).toMatchObject({ complete: false })
      await giveUp(stream, stuck, 'it never came back', signal)
      expect(await settledWithin(stream, stuck, 20_000, signal)).toBe(true)
      await giveUp(stream, stuck, 'twice', signal)
      await eventually('its account', patience, async () => (await figures()).complete || undefined)
      expect(await figures()).toMatchObject({ done: 5, rejected: 1, recount: { rejected: 1 } })
      await expect(unfinished(stream, place)).rejects.toThrow(/has settled .* already: nothing holds it$/)
      kill()
      await ended
      const [reject] = await readRejects(stream)
      expect(reject).toMatchObject({ kind: 'given up', reason: 'it never came back', key: 'r/q21', stage: 'label' })
      expect(await retry(stream, reject!, signal)).toBe(true)
      await worked()
      expect(await figures()).toMatchObject({ done: 5, rejected: 0, complete: true })
    }, 120_000)
  })
}
