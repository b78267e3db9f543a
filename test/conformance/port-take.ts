import assert from 'node:assert/strict'
import type { Stored, Taken } from '../../runtime/log.ts'
import type { Case, Trial } from './subject.ts'
import { eventually, idOf, member, out, readAll, sleep, spec, withClaim, writer, type Member } from './tools.ts'

/** Takes from wherever the partition is held, through lost claims and outages, until `enough`. */
export const takeThrough = async (
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
]
