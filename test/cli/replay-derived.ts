/** What a derived stream promises, on whichever engine. */
import { describe, expect, test } from 'vitest'
import { readRejects, retry } from '../../cli/rejects.ts'
import { type Flags } from '../../cli/replay/run.ts'
import type { World } from '../../cli/world.ts'
import { candidates, gains, samples } from '../../topics/index.ts'
import { eventually } from '../conformance/tools.ts'
import { filled, queryOf, type Doubles } from './replaying.ts'

import { all, begun, child, flagsOf, keysIn, many, patience, pictureOf, signal, valuesIn } from './replay-bench.ts'

export const derivedStreams = (engine: 'embedded' | 'kafka') => {
  describe(`a derived stream (${engine})`, () => {
    test('with α = 0 holds the plain figures of its source, record for record, and leaves the source as it was', async () => {
      const { replay, stream, derived, figures } = await begun(engine, many(9))
      const before = await pictureOf(stream)
      const plan = await replay('plain', { set: ['label.alpha=0'] })
      expect(plan).toMatchObject({
        ...{ stages: ['label', 'distil'], executed: false },
        settings: [{ setting: 'label.alpha', from: 0.5, to: 0 }],
        runs: [{ run: 'r', records: 9, queries: 9 }],
      })
      const result = await replay('plain', { set: ['label.alpha=0'], execute: true })
      expect(result).toMatchObject({ complete: true, derived_from: 'main/candidates' })
      const byKey = async (world: World) => new Map((await valuesIn(world, gains)).map((each) => [each.query.id, each]))
      const [source, plain] = [await byKey(stream), await byKey(derived('plain'))]
      expect([...plain.keys()].sort()).toEqual([...source.keys()].sort())
      for (const [id, { gains: measured, alpha, settings }] of plain) {
        const was = source.get(id)!
        expect([alpha, settings === was.settings]).toEqual([0, false])
        expect(measured.map((gain) => gain.mean_nll)).toEqual(was.gains.map((gain) => gain.plain_mean_nll))
        expect(measured.map((gain) => gain.mean_nll)).not.toEqual(was.gains.map((gain) => gain.mean_nll))
      }
      expect(await figures(derived('plain'))).toMatchObject({ done: 9, count: 9, complete: true })
      expect(await pictureOf(stream)).toBe(before)
    })

    test('says of each record where it came from, and of whose settings it is', async () => {
      const { replay, stream, derived } = await begun(engine, many(4))
      await replay('again', { execute: true, set: ['label.alpha=0.1'] })
      const places = (await all(stream, candidates)).map(
        ({ partition, position }) => `main/candidates/${partition}/${position}`,
      )
      for (const topic of [gains, samples]) {
        const records = await all(derived('again'), topic)
        expect(records.map(({ headers }) => headers['replayed.from']).sort()).toEqual(places.sort())
      }
      const [{ settings } = { settings: '' }] = await valuesIn(derived('again'), gains)
      expect(new Set((await all(derived('again'), samples)).map(({ headers }) => headers.settings))).toEqual(
        new Set([settings]),
      )
    })

    test('takes what was there when it was made; done, it does nothing more, and by its name nothing else', async () => {
      const { replay, stream, derived, inject, worked } = await begun(engine, many(4))
      await replay('once', { execute: true })
      const before = await pictureOf(derived('once'))
      await inject('label', { execute: true })
      await worked()
      expect(await replay('once', { execute: true })).toMatchObject({ complete: true })
      expect(await pictureOf(derived('once'))).toBe(before)
      await expect(replay('once', { execute: true, set: ['label.alpha=0'] })).rejects.toThrow(
        /^stream once was made with label.alpha = 0.5, not 0/,
      )
      await expect(replay('once', { execute: true, byDuration: 'P1D' })).rejects.toThrow(
        'stream once is a replay of main/candidates: choose another name with --as, or ask for the same',
      )
      await expect(replay('main', {})).rejects.toThrow(/is the source itself/)
      // The copies that were sent into the source since are the same records: whoever begins anew has each once.
      await replay('later', { execute: true })
      expect(await keysIn(derived('later'), samples)).toEqual(await keysIn(derived('once'), samples))
      expect((await keysIn(stream, samples)).length).toBe(8)
    })

    test('refuses what would change nothing, and what it cannot read', async () => {
      const { replay } = await begun(engine, many(2))
      await expect(replay('x', { set: ['retrieve.k=5'] })).rejects.toThrow(
        'retrieve.k changes nothing that runs again after candidates (label, distil); it counts in retrieve: replay drafts instead',
      )
      await expect(replay('x', { set: ['label.alpha=0'] }, 'gains')).rejects.toThrow(/replay candidates instead$/)
      await expect(replay('x', {}, 'answers')).rejects.toThrow(/holds no run to replay: it is empty$/)
      await expect(replay('x', { run: ['other'] })).rejects.toThrow(
        'there is nothing of run other in this stretch of candidates',
      )
      await expect(replay('x', { toEarliest: true, shiftBy: -1 })).rejects.toThrow(
        '--to-earliest and --shift-by say where to begin: give one of them',
      )
    })

    test('begins where it is told to: at a position, a time, so far before the end', async () => {
      const { replay, stream } = await begun(engine, many(8))
      const records = await all(stream, candidates)
      const queries = async (flags: Partial<Flags>) => {
        const { runs } = (await replay('x', flags)) as { runs: { queries: number }[] }
        return runs[0]?.queries
      }
      const own = records.filter(({ partition }) => partition === 0).sort((a, b) => a.position - b.position)
      const [first, second] = [own[0]!, own[1]!]
      expect(await queries({ fromOffsets: `0:${second.position}` })).toBe(own.length - 1)
      expect(await queries({ untilOffsets: `0:${first.position + 1},1:0` })).toBe(1)
      const times = records.map(({ timestamp }) => timestamp).sort((a, b) => a - b)
      const late = new Date(times.at(-1)!).toISOString()
      expect(await queries({ toDatetime: late })).toBeLessThanOrEqual(8)
      expect(await queries({ toDatetime: new Date(times[0]!).toISOString() })).toBe(8)
      await expect(queries({ toDatetime: new Date(times.at(-1)! + 1).toISOString() })).rejects.toThrow(
        /holds no run to replay/,
      )
      expect(await queries({ byDuration: 'P1D' })).toBe(8)
      expect(await queries({ shiftBy: -1_000_000 })).toBe(8)
      expect(await queries({ shiftBy: -2 })).toBeLessThan(8)
      await expect(queries({ byDuration: 'soon' })).rejects.toThrow('--by-duration soon is no duration')
    })

    test('is not there to be filled by hand, and its rejects never go back to the source', async () => {
      const doubles: Doubles = {}
      const { replay, derived, stream, figures } = await begun(engine, [...many(3), queryOf(7, 'broken')], doubles)
      const before = await pictureOf(stream)
      doubles.broken = 'broken'
      await replay('refused', { execute: true })
      const own = derived('refused')
      expect(await figures(own)).toMatchObject({ done: 4, rejected: 1, complete: true, recount: { rejected: 1 } })
      const [reject] = await readRejects(own)
      await expect(retry(own, reject!, signal)).rejects.toThrow(/to which the replay refused never writes/)
      await expect(filled(own, many(1), 'own')).rejects.toThrow(/is a replay and has the runs of main\/candidates/)
      expect(await pictureOf(stream)).toBe(before)
    })

    test('killed halfway goes on with the same command: nothing is lost, nothing is doubled', async () => {
      const { settings, derived, stream, replay } = await begun(engine, many(60))
      const flags = flagsOf(settings, { as: 'killed', set: ['label.alpha=0'], execute: true })
      const before = await pictureOf(stream)
      const own = derived('killed')
      for (const enough of [8, 25]) {
        const { kill, ended, said } = child({ settings, doubles: { slow: 60 }, flags })
        const there = async () =>
          (await own.log.describe(own.names.topic(gains))) ? (await all(own, gains)).length : 0
        await eventually(`${enough} gains; ${said()}`, patience, async () => (await there()) >= enough || undefined)
        kill()
        await ended
      }
      const halfway = (await keysIn(own, gains)).length
      expect(halfway).toBeLessThan(60)
      expect(await replay('killed', flags)).toMatchObject({ complete: true })
      const wanted = many(60)
        .map(({ id }) => `r/${id}`)
        .sort()
      expect(await keysIn(own, gains)).toEqual(wanted)
      expect(await keysIn(own, samples)).toEqual(wanted)
      expect(await pictureOf(stream)).toBe(before)
    }, 120_000)
  })
}
