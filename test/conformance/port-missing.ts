import assert from 'node:assert/strict'
import { Fatal } from '../../runtime/errors.ts'
import type { Claim, Taken } from '../../runtime/log.ts'
import { takeThrough } from './port-take.ts'
import type { Case } from './subject.ts'
import { eventually, idOf, idsIn, member, out, patiently, readAll, spec, withClaim, writer } from './tools.ts'

const none = new AbortController().signal

/** What a log says of positions that are gone: topics made anew, trimmed, compacted; groups removed (I9). */
export const missing: Case[] = [
  {
    name: 'I9 a topic that was made anew has another id, and nothing of the old one',
    async run({ log }) {
      const one = await log()
      await one.apply([spec('things'), spec('others')])
      const source = await writer(one, 'w')
      await source.write([out('things', 'old'), out('others', 'kept')])
      const before = await one.describe('things')
      assert.equal((await one.describe('things'))?.id, before?.id)
      await one.remove({ topics: ['things'], groups: [] })
      assert.equal(await one.describe('things'), undefined)
      await one.apply([spec('things')])
      assert.notEqual((await one.describe('things'))?.id, before?.id)
      assert.deepEqual(await idsIn(one, 'things'), [])
      assert.deepEqual(await idsIn(one, 'others'), ['kept'])
      await source.write([out('things', 'new')])
      assert.deepEqual(await idsIn(one, 'things'), ['new'])
    },
  },
  {
    name: 'I9 a take from a topic that is gone is fatal',
    async run({ log, patience }) {
      const one = await log()
      await one.apply([spec('things')])
      await (await writer(one, 'w')).write([out('things', 'x')])
      const own = await member(one, 'g', 'things')
      const claim = await eventually('a claim', patience, () => own.held()[0])
      await one.remove({ topics: ['things'], groups: [] })
      // A log may also take the claim away: then nothing comes, and nothing is made up.
      const taken = await patiently(() => claim.take(0, { records: 1, bytes: 1 }, AbortSignal.timeout(300))).catch(
        (error: unknown) => error,
      )
      if (taken instanceof Error) assert.ok(taken instanceof Fatal, `${taken.name}: ${taken.message}`)
      else assert.ok(claim.lost.aborted && (taken as Taken).records.length === 0, 'neither fatal nor lost')
    },
  },
  {
    name: 'I9 positions of a removed group are forgotten, those of others stay',
    async run({ log, patience }) {
      const one = await log()
      await one.apply([spec('things')])
      for (const group of ['a', 'b']) {
        const own = await member(one, group, 'things')
        await withClaim([own], 0, patience, async (claim) => {
          return (
            (await claim.settle({ records: [], settled: { position: 50, note: group } })).kind === 'done' || undefined
          )
        })
        await own.leave()
      }
      await one.remove({ topics: [], groups: ['a'] })
      assert.deepEqual(await one.settled('a', 'things'), [undefined])
      assert.equal((await one.settled('b', 'things'))[0]?.note, 'b')
    },
  },
  {
    name: 'I9 a take from before what is still kept is fatal, and describe shows where the topic begins',
    needs: ['trim'],
    async run({ storage, log, patience }) {
      const one = await log()
      await one.apply([spec('things')])
      const source = await writer(one, 'w')
      for (let n = 0; n < 6; n++) await source.write([out('things', `n${n}`)])
      const all = await readAll(one, 'things')
      const [start, cut] = [all[0]?.position ?? 0, all[3]?.position ?? 0]
      await storage.trim?.('things', 0, cut)
      assert.ok(((await one.describe('things'))?.partitions[0]?.first ?? 0) > start)
      assert.deepEqual(await idsIn(one, 'things'), ['n3', 'n4', 'n5'])
      const own = await member(one, 'g', 'things')
      const take = (claim: Claim, from: number) => patiently(() => claim.take(from, { records: 9, bytes: 9999 }, none))
      await assert.rejects(
        withClaim([own], 0, patience, async (claim) =>
          (await take(claim, start)).records.length > 0 ? true : undefined,
        ),
        Fatal,
      )
      const kept = await withClaim([own], 0, patience, async (claim) => (await take(claim, cut)).records[0])
      assert.equal(idOf(kept), 'n3')
      await own.leave()
    },
  },
  {
    name: 'I9 a compacted topic keeps the newest value of each key in order, and a take from where one was dropped goes on',
    async run(trial) {
      const { log } = trial
      const one = await log()
      await one.apply([spec('state', 1, { compact: true })])
      const source = await writer(one, 'w')
      const first = (await one.describe('state'))?.partitions[0]?.first ?? 0
      for (let n = 0; n < 30; n++) await source.write([out('state', `k${n % 3}`, 0, Buffer.from(`${n}`))])
      const own = await member(one, 'g', 'state')
      const taken = await takeThrough(
        [own],
        0,
        trial,
        { records: 5, bytes: 9999 },
        (found) => found.at(-1)?.value?.toString() === '29',
        first,
      )
      for (const found of [await readAll(one, 'state'), taken]) {
        const newest = new Map(found.map((record) => [idOf(record), record.value?.toString()]))
        assert.deepEqual([...newest].sort(), [
          ['k0', '27'],
          ['k1', '28'],
          ['k2', '29'],
        ])
        const values = found.map(({ value }) => Number(value?.toString()))
        assert.deepEqual(
          values,
          values.toSorted((a, b) => a - b),
        )
      }
      await own.leave()
    },
  },
]
