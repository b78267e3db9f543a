import assert from 'node:assert/strict'
import { Fatal } from '../../runtime/errors.ts'
import type { Claim, Stored, Taken } from '../../runtime/log.ts'
import type { Case, Trial } from './subject.ts'
import {
  eventually,
  idOf,
  idsIn,
  member,
  out,
  patiently,
  readAll,
  sleep,
  spec,
  withClaim,
  writer,
  type Member,
} from './tools.ts'

const none = new AbortController().signal

/** Takes from wherever the partition is held, through lost claims and outages, until `enough`. */
const takeThrough = async (
  members: readonly Member[],
  partition: number,
  { patience }: Pick<Trial, 'patience'>,
  max: { records: number; bytes: number },
  enough: (records: readonly Stored[]) => boolean,
  from: number,
  check: (taken: Taken) => void = () => {},
): Promise<Stored[]> => {
  const records: Stored[] = []
  let next = from
  while (!enough(records)) {
    const taken = await withClaim(members, partition, patience, (claim) =>
      claim.take(next, max, AbortSignal.timeout(500)),
    )
    check(taken)
    records.push(...taken.records)
    next = taken.next
  }
  return records
}

/** A member's own takes: I6 (bounds), and what a partition holds (I8, I9). */
export const taking: Case[] = [
  {
    name: 'I6 a take brings at most as many records and bytes as asked for, and one record always comes',
    async run(trial) {
      const one = await trial.log()
      await one.apply([spec('things')])
      const source = await writer(one, 'w')
      const sizes = [100, 5000, 100, 100, 3000, 100, 100, 100, 100, 9000, 10, 10]
      for (const [n, size] of sizes.entries()) await source.write([out('things', `n${n}`, 0, Buffer.alloc(size, n))])
      const own = await member(one, 'g', 'things')
      const first = (await one.describe('things'))?.partitions[0]?.first ?? 0
      for (const max of [
        { records: 3, bytes: 1_000_000 },
        { records: 100, bytes: 1000 },
        { records: 1, bytes: 1 },
      ]) {
        const found = await takeThrough(
          [own],
          0,
          trial,
          max,
          (records) => records.length >= sizes.length,
          first,
          ({ records, next }) => {
            const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
            assert.ok(records.length <= max.records, `${records.length} records of ${max.records}`)
            assert.ok(records.length === 1 || bytes <= max.bytes, `${bytes} bytes of ${max.bytes}`)
            assert.ok(
              records.every(({ position }) => position < next),
              'next lies after what was taken',
            )
          },
        )
        assert.deepEqual(
          found.map(idOf),
          sizes.map((_, n) => `n${n}`),
        )
      }
      await own.leave()
    },
  },
  {
    name: 'I6 a take that finds nothing waits until there is something, or until its signal aborts',
    async run(trial) {
      const one = await trial.log()
      await one.apply([spec('things')])
      const own = await member(one, 'g', 'things')
      const first = (await one.describe('things'))?.partitions[0]?.first ?? 0
      const empty = await withClaim([own], 0, trial.patience, (claim) =>
        claim.take(first, { records: 1, bytes: 1 }, AbortSignal.timeout(60)),
      )
      assert.deepEqual(empty.records, [])
      const waiting = takeThrough([own], 0, trial, { records: 9, bytes: 999 }, (found) => found.length > 0, first)
      await sleep(20)
      await (await writer(await trial.log(), 'w')).write([out('things', 'late')])
      assert.deepEqual((await waiting).map(idOf), ['late'])
      await own.leave()
    },
  },
  {
    name: 'I6 not taking costs no membership',
    async run({ log, patience }) {
      const one = await log()
      await one.apply([spec('things')])
      const own = await member(one, 'g', 'things')
      const claim = await eventually('a claim', patience, () => own.held()[0])
      await sleep(Math.min(400, patience / 20))
      assert.equal(claim.lost.aborted, false)
      assert.deepEqual(own.failures, [])
      await own.leave()
    },
  },
  {
    name: 'I8 read until given positions shows what lies before them and ends, whatever is written after',
    async run({ log }) {
      const one = await log()
      await one.apply([spec('things', 2)])
      const source = await writer(one, 'w')
      for (let n = 0; n < 6; n++) await source.write([out('things', `n${n}`, n % 2)])
      const all = await readAll(one, 'things')
      const cut = [0, 1].map((p) => all.filter(({ partition }) => partition === p)[1]?.position ?? 0)
      const info = await one.describe('things')
      const ends = info?.partitions.map(({ end }) => end) ?? []
      for (let n = 6; n < 9; n++) await source.write([out('things', `n${n}`, n % 2)])
      const ids = async (options: object) => (await readAll(one, 'things', options)).map(idOf).sort()
      assert.deepEqual(await ids({ until: cut }), ['n0', 'n1'])
      assert.deepEqual(await ids({ until: ends }), ['n0', 'n1', 'n2', 'n3', 'n4', 'n5'])
      assert.deepEqual(await ids({ from: cut, until: ends }), ['n2', 'n3', 'n4', 'n5'])
      assert.deepEqual(await ids({ from: ends }), ['n6', 'n7', 'n8'])
      assert.deepEqual(await ids({ from: ends, until: ends }), [])
    },
  },
  {
    name: 'I8 everybody sees what a group has settled, per partition',
    async run({ log, patience }) {
      const [one, other] = [await log(), await log()]
      await one.apply([spec('things', 2)])
      assert.deepEqual(await other.settled('g', 'things'), [undefined, undefined])
      const own = await member(one, 'g', 'things')
      const position = ((await one.describe('things'))?.partitions[1]?.first ?? 0) + 5
      await withClaim([own], 1, patience, async (claim) => {
        const outcome = await claim.settle({ records: [], settled: { position, note: 'five' } })
        return outcome.kind === 'done' || undefined
      })
      await eventually('seeing it', patience, async () => (await other.settled('g', 'things'))[1])
      assert.deepEqual(await other.settled('g', 'things'), [undefined, { position, note: 'five' }])
      assert.deepEqual(await other.settled('another', 'things'), [undefined, undefined])
      await own.leave()
    },
  },
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
