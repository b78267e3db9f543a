import assert from 'node:assert/strict'
import type { Stored } from '../../runtime/log.ts'
import type { Case } from './subject.ts'
import { eventually, idOf, idsIn, opened, out, patiently, readAll, settledOnce, sleep, spec, writer } from './tools.ts'

/** Writing through a seat: I2 (together or not at all) and I4 (who was shut out writes nothing). */
export const writing: Case[] = [
  {
    name: 'I2 what is written is what is read: key, value, headers, time, null and bytes that are no text',
    async run({ log }) {
      const one = await log()
      await one.apply([spec('things', 2)])
      const raw = Buffer.from([0, 255, 128, 10])
      const wanted = [
        {
          topic: 'things',
          partition: 1,
          key: raw,
          value: raw,
          headers: { run: 'r', ünï: '✓' },
          timestamp: 1_700_000_000_123,
        },
        {
          topic: 'things',
          partition: 1,
          key: Buffer.from('gone'),
          value: null,
          headers: {},
          timestamp: 1_700_000_000_124,
        },
        { topic: 'things', partition: 1, key: null, value: Buffer.alloc(0), headers: {}, timestamp: 1_700_000_000_125 },
      ]
      await (await writer(one, 'w')).write(wanted)
      const found = await readAll(one, 'things')
      assert.deepEqual(
        found.map(({ position: _, ...rest }) => plain(rest)),
        wanted.map(plain),
      )
      assert.ok(
        found.every(({ position }, at) => position > (found[at - 1]?.position ?? -1)),
        'positions increase',
      )
    },
  },
  {
    name: 'I2 records of several topics and partitions and the position are one',
    async run({ log, patience }) {
      const [one, other] = [await log(), await log()]
      await one.apply([spec('left', 3), spec('right', 2)])
      const source = await writer(one, 'w')
      const batch = (n: number) =>
        [0, 1, 2].map((p) => out('left', `${n}-${p}`, p)).concat([0, 1].map((p) => out('right', `${n}-${p}`, p)))
      for (let n = 0; n < 20; n++) await source.write(batch(n))
      assert.equal((await opened(other.source('writers', 'w')))?.position, 20)
      const expected = (partitions: number) =>
        Array.from({ length: 20 }, (_, n) => Array.from({ length: partitions }, (_, p) => `${n}-${p}`))
          .flat()
          .sort()
      await eventually('seeing all of it', patience, async () => (await idsIn(other, 'left')).length >= 60 || undefined)
      assert.deepEqual(await idsIn(other, 'left'), expected(3))
      assert.deepEqual(await idsIn(other, 'right'), expected(2))
    },
  },
  {
    name: 'I2 what a settle called done lies before the end that describe shows, and a read up to there shows it',
    async run({ log }) {
      const [one, other] = [await log(), await log()]
      await one.apply([spec('things')])
      const source = await writer(one, 'w')
      for (let n = 0; n < 15; n++) {
        await source.write([out('things', `n${n}`)])
        const info = await other.describe('things')
        const found = await readAll(other, 'things', { until: info?.partitions.map(({ end }) => end) ?? [] })
        assert.equal(found.length, n + 1, `after ${n + 1} settles`)
      }
    },
  },
  {
    name: 'I2 a batch that this log cannot take is refused whole, and harms nothing',
    async run({ log }) {
      const one = await log()
      await one.apply([spec('small', 1, { maxBytes: 1000 })])
      const seat = one.source('writers', 'w')
      await opened(seat)
      const records = [out('small', 'fits'), out('small', 'too large', 0, Buffer.alloc(5000, 1))]
      const settled = { position: 7, note: 'x' }
      const refused = await eventually('a refusal', 5000, async () => {
        const outcome = await seat.settle({ records, settled })
        if (outcome.kind === 'unknown') await opened(seat)
        else return outcome
      })
      assert.equal(refused.kind, 'refused')
      assert.deepEqual(await idsIn(one, 'small'), [])
      assert.equal(await opened(seat), undefined)
      assert.ok(await settledOnce(seat, { records: records.slice(0, 1), settled }))
      assert.deepEqual(await idsIn(one, 'small'), ['fits'])
    },
  },
  {
    name: 'I2 a crash in the middle of settling leaves whole batches, as many as the position says',
    async run({ process, log, draw }) {
      const reader = await log()
      await reader.apply([spec('left', 2), spec('right')])
      let at = 0
      for (let crash = 0; crash < 6; crash++) {
        const victim = await process()
        const writing = writer(victim.log, 'w').then(async (source) => {
          while (source.written < at + 10) {
            const n = source.written
            await source.write([out('left', `${n}`, 0), out('left', `${n}b`, 1), out('right', `${n}`)])
          }
        })
        writing.catch(() => {})
        await sleep(draw(12))
        await victim.crash()
        at = (await opened(reader.source('writers', 'w')))?.position ?? 0
        await sleep(draw(30)) // nothing of the dead may land now
        assert.equal((await opened(reader.source('writers', 'w')))?.position ?? 0, at)
        assert.deepEqual(await idsIn(reader, 'right'), Array.from({ length: at }, (_, n) => `${n}`).sort())
        assert.equal((await idsIn(reader, 'left')).length, at * 2)
      }
    },
  },
  {
    name: 'I2 a reader that follows sees each committed record once and in order, however the writers fare',
    async run({ log, patience }) {
      const [one, two, reader] = [await log(), await log(), await log()]
      await one.apply([spec('things', 2)])
      const seen: Stored[] = []
      const stop = new AbortController()
      const following = (async () => {
        for await (const record of reader.read('things', { until: 'forever', signal: stop.signal })) seen.push(record)
      })()
      const fill = async (log: typeof one, name: string) => {
        const source = await writer(log, name)
        for (let n = 0; n < 25; n++) await source.write([0, 1].map((p) => out('things', `${name}${n}`, p)))
      }
      await Promise.all([fill(one, 'a'), fill(two, 'b')])
      await eventually('seeing all of it', patience, () => seen.length >= 100 || undefined)
      stop.abort()
      await Promise.race([following, sleep(2000).then(() => assert.fail('a read that is aborted must end'))])
      for (const p of [0, 1]) {
        const mine = seen.filter(({ partition }) => partition === p)
        assert.ok(
          mine.every(({ position }, at) => position > (mine[at - 1]?.position ?? -1)),
          'in order',
        )
        assert.equal(new Set(mine.map(idOf)).size, 50)
        for (const name of ['a', 'b']) {
          const own = mine.map(idOf).filter((id) => id.startsWith(name))
          assert.deepEqual(
            own,
            Array.from({ length: 25 }, (_, n) => `${name}${n}`),
            'a writer wrote them in this order',
          )
        }
      }
    },
  },
  {
    name: 'I4 the newest holder of a source shuts out the others, and they write nothing',
    async run({ log }) {
      const [one, other] = [await log(), await log()]
      await one.apply([spec('things')])
      const [old, young] = [one.source('writers', 'w'), other.source('writers', 'w')]
      await opened(old)
      assert.ok(await settledOnce(old, { records: [out('things', 'first')], settled: { position: 1, note: 'first' } }))
      assert.deepEqual(await opened(young), { position: 1, note: 'first' })
      for (let n = 0; n < 3; n++) {
        const outcome = await old.settle({ records: [out('things', 'late')], settled: { position: 9, note: 'late' } })
        assert.equal(outcome.kind, 'fenced')
      }
      assert.ok(
        await settledOnce(young, { records: [out('things', 'second')], settled: { position: 2, note: 'second' } }),
      )
      assert.deepEqual(await idsIn(one, 'things'), ['first', 'second'])
      assert.deepEqual(await opened(old), { position: 2, note: 'second' }, 'who opens again may write again')
      const fenced = await young.settle({ records: [], settled: { position: 3, note: 'x' } })
      assert.equal(fenced.kind, 'fenced')
    },
  },
  {
    name: 'I4 a batch under way when somebody opens the seat lands before that or never',
    async run({ log, draw }) {
      const [one, other] = [await log(), await log()]
      await one.apply([spec('things')])
      for (let round = 0; round < 6; round++) {
        const [old, young] = [one.source('writers', `w${round}`), other.source('writers', `w${round}`)]
        await opened(old)
        const racing = old.settle({ records: [out('things', `r${round}`)], settled: { position: 1, note: 'raced' } })
        await sleep(draw(8))
        const seen = await opened(young)
        const outcome = await racing
        if (outcome.kind === 'done') assert.equal(seen?.note, 'raced')
        if (outcome.kind === 'fenced') assert.equal(seen, undefined)
        await sleep(draw(50))
        assert.deepEqual(await opened(young), seen)
        assert.equal((await idsIn(one, 'things')).includes(`r${round}`), seen !== undefined)
      }
    },
  },
  {
    name: 'I4 two sources of other names do not shut each other out',
    async run({ log }) {
      const [one, other] = [await log(), await log()]
      await one.apply([spec('things')])
      const [a, b] = [await writer(one, 'a'), await writer(other, 'b')]
      for (let n = 0; n < 5; n++) {
        await a.write([out('things', `a${n}`)])
        await b.write([out('things', `b${n}`)])
      }
      assert.equal((await idsIn(one, 'things')).length, 10)
    },
  },
  {
    name: 'I4 what a seat settled is there for whoever opens the storage later, with its note of 4000 characters',
    async run({ process, log }) {
      const first = await process()
      await first.log.apply([spec('things')])
      const seat = first.log.source('writers', 'w')
      await opened(seat)
      const note = 'n'.repeat(4000)
      assert.ok(await settledOnce(seat, { records: [out('things', 'x')], settled: { position: 2 ** 52, note } }))
      await first.crash()
      const later = await log()
      assert.deepEqual(await patiently(() => opened(later.source('writers', 'w'))), { position: 2 ** 52, note })
    },
  },
]

/** Buffers as text, so that a difference is readable. */
const plain = <T extends { key: Buffer | null; value: Buffer | null }>(record: T) => ({
  ...record,
  key: record.key && Buffer.from(record.key).toString('hex'),
  value: record.value && Buffer.from(record.value).toString('hex'),
  headers: { ...(record as { headers?: object }).headers },
})
