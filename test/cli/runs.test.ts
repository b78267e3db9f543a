import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { accountOf } from '../../cli/account.ts'
import { accountsOf, asDetail, asTable, type Row } from '../../cli/accounts.ts'
import { allRuns, runEntry, type RunState } from '../../cli/runs.ts'
import { gains, samples } from '../../topics/index.ts'
import { fold, merged, minuteOf, type Totals } from '../../runtime/totals.ts'
import type { Tally } from '../../runtime/processor.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { Usage } from '../../schemas/identity.ts'
import { eventually } from '../conformance/tools.ts'
import { launch, run } from './command.ts'
import { openTestStream, type TestStream } from './stream.ts'

const minute = 60_000
/** Ten minutes and half a one after some whole minute. */
const now = 100 * minute * 1000 + 10.5 * minute
const at = (minutes: number) => now - minutes * minute

const state = (changes: Partial<RunState> = {}): RunState => ({
  ...{ stages: {}, outcomes: {}, rejected: 0, done: 0, complete: false, recent: {}, updated_at: now },
  ...changes,
})
const free = { reader_hour: null, currency: 'USD' }
const entry = { count: 1000, opened_at: at(60) }

describe('the rate of a run', () => {
  const recent = (...byMinute: [minutes: number, n: number][]) =>
    Object.fromEntries(byMinute.map(([ago, n]) => [String(minuteOf(at(ago))), n]))

  test('is that of this minute and the last, and the time left follows from it', () => {
    const { rate, seconds_left } = accountOf(
      entry,
      state({ done: 400, recent: recent([0, 30], [1, 60], [5, 900]) }),
      free,
      now,
    )
    expect(rate).toEqual({ per_second: 1, over_seconds: 90 })
    expect(seconds_left).toBe(600)
  })

  test('is that of ten minutes where little happens in one', () => {
    const { rate } = accountOf(entry, state({ done: 400, recent: recent([0, 2], [4, 50], [9, 5]) }), free, now)
    expect(rate).toEqual({ per_second: 57 / 570, over_seconds: 570 })
  })

  test('falls to nothing when work stands still, and then nobody knows the time left', () => {
    const { rate, seconds_left } = accountOf(entry, state({ done: 400, recent: recent([30, 500]) }), free, now)
    expect(rate?.per_second).toBe(0)
    expect(seconds_left).toBeNull()
  })

  test('of a run that has just begun is taken since it was opened', () => {
    const young = { count: 1000, opened_at: now - 20_000 }
    expect(accountOf(young, state({ done: 40, recent: recent([0, 40]) }), free, now).rate).toEqual({
      ...{ per_second: 2, over_seconds: 20 },
    })
  })

  test('of one that is complete is that of all its time, and nothing is left', () => {
    const done = { done: 1000, complete: true, updated_at: at(50) }
    const { rate, seconds_left } = accountOf(entry, state(done), free, now)
    expect(rate).toEqual({ per_second: 1000 / 600, over_seconds: 600 })
    expect(seconds_left).toBe(0)
  })

  test('of one that nobody has worked on, or that is open, promises nothing', () => {
    expect(accountOf(entry, state({ updated_at: 0 }), free, now)).toMatchObject({ rate: null, seconds_left: null })
    const open = { count: null, opened_at: at(60) }
    expect(accountOf(open, state({ done: 90, recent: recent([0, 90]) }), free, now).seconds_left).toBeNull()
  })
})

describe('recent outcomes in the totals', () => {
  const blank: Totals = {
    ...{ stream: 's', run: 'r', stage: 'evaluate', partition: 0 },
    ...{ counts: {}, sums: {}, replicates: {}, updated_at: 0, recent: {} },
  }
  const tally = (outcome: string, times?: number): Tally => ({ run: 'r', id: 'a', outcome, ...(times && { times }) })
  const slot = String(minuteOf(now))

  test('are told apart by minute for ten minutes', () => {
    const early = fold(blank, [tally('graded'), tally('graded')], at(9))
    const later = fold(early, [tally('ungraded'), tally('rejected')], now)
    expect(later.recent).toEqual({ [minuteOf(at(9))]: 2, [slot]: 1, [`${slot}: rejected`]: 1 })
    expect(fold(later, [], now + minute).recent).toEqual({ [slot]: 1, [`${slot}: rejected`]: 1 })
  })

  test('of a retried reject move from one kind to the other', () => {
    const { recent } = fold(blank, [tally('rejected'), tally('rejected', -1), tally('retried'), tally('kept')], now)
    expect(recent).toEqual({ [slot]: 1, [`${slot}: rejected`]: 0 })
  })

  test('of several partitions add up, and the last one to settle says when', () => {
    const parts = [fold(blank, [tally('kept')], at(1)), fold(blank, [tally('kept')], now)]
    expect(merged(parts)).toMatchObject({ recent: { [slot]: 1 }, updated_at: now })
  })
})

describe('what a run costs', () => {
  const stage = (sums: Record<string, number>) => ({ counts: {}, sums, figures: {}, recent: {}, updated_at: now })
  const stages = {
    label: stage({ reader_seconds: 3000, calls: 10, prompt_tokens: 500, passages: 2100, unscored: 100, cache_hits: 4 }),
    distil: stage({ reader_seconds: 600, calls: 5, prompt_tokens: 50, output_tokens: 20 }),
  }

  test('is the hours of the reader in all its stages, per labelled passage and per kept sample', () => {
    const account = accountOf(
      entry,
      state({ stages, outcomes: { kept: 50 } }),
      { reader_hour: 2, currency: 'EUR' },
      now,
    )
    expect(account).toMatchObject({ calls: 15, prompt_tokens: 550, output_tokens: 20, cache_hits: 4, labels: 2000 })
    expect(account.reader_seconds).toBe(3600)
    expect(account.cost).toEqual({ currency: 'EUR', total: 2, per_1000_labels: 1, per_kept: 0.04 })
  })

  test('is unknown without a price, and per nothing where there is nothing', () => {
    expect(accountOf(entry, state({ stages }), free, now).cost).toBeNull()
    const { cost } = accountOf(entry, state(), { reader_hour: 2, currency: 'EUR' }, now)
    expect(cost).toEqual({ currency: 'EUR', total: 0, per_1000_labels: null, per_kept: null })
  })
})

describe('the runs of a stream', () => {
  let stream: TestStream
  beforeEach(async () => {
    stream = await openTestStream('price.reader_hour=3.6')
  })
  afterEach(() => stream.close())
  const rows = async () => accountsOf(stream.world, await allRuns(stream.world), true)

  test('have the reader-seconds of each record once', async () => {
    await stream.enter('q.jsonl', [{ id: 'a' }, { id: 'b' }, { id: 'c', answers: [] }], 'mine')
    await stream.work()
    const { log, codec, names } = stream.world
    let [seconds, calls] = [0, 0]
    const spent = async (topic: Topic<{ usage: Usage }>) => {
      for await (const { value } of log.read(names.topic(topic))) {
        const { usage } = await codec.decode(topic, value!)
        seconds += usage.seconds
        calls += usage.calls
      }
    }
    await spent(gains)
    await spent(samples)
    const [row] = await rows()
    expect(seconds).toBeGreaterThan(0)
    expect(row?.reader_seconds).toBeCloseTo(seconds, 9)
    expect(row?.calls).toBe(calls)
    const own = Object.values(row?.stages ?? {}).map(({ sums }) => sums.reader_seconds ?? 0)
    expect(own.reduce((a, b) => a + b, 0)).toBeCloseTo(seconds, 9)
    expect(row?.cost?.total).toBeCloseTo(seconds / 1000, 9)
  })

  test('count nothing of what a producer outside writes under a name that begins like theirs', async () => {
    await stream.enter('q.jsonl', [{ id: 'a' }], 'mine')
    await stream.produce(stream.asked('mine/x', { id: 'b' }))
    await stream.work()
    expect((await rows()).map(({ run, done, outcomes }) => [run, done, outcomes])).toEqual([['mine', 1, { kept: 1 }]])
  })

  test('are told of with progress, outcomes and cost, one line each, and in detail', async () => {
    await stream.enter('q.jsonl', [{ id: 'a' }, { id: 'c', answers: [] }], 'done')
    await stream.work()
    await stream.enter('later.jsonl', [{ id: 'later' }], 'waiting')
    const all = await rows()
    expect(all.map((row) => [row.run, row.done, row.complete, row.outcomes, row.rejected])).toEqual([
      ['waiting', 0, false, {}, 0],
      ['done', 2, true, { kept: 1 }, 1],
    ])
    const lines = asTable(all).split('\n')
    expect(lines[0]).toMatch(
      /^run +topology +queries +rate +left +outcomes +recounted +calls +tokens +cached +reader +cost/,
    )
    expect(lines[1]).toMatch(/^main\/waiting +synthesis +0\/1 +- +- /)
    expect(lines[2]).toMatch(/^main\/done +synthesis +2\/2 +.*complete +kept 1, rejected 1 +kept 1, rejected 1 /)
    const detail = asDetail(all[1]!)
    expect(detail).toMatch(/^label +1 +10 +2 +0 .*labelled 1, rejected 1, rejected: rejected 1$/m)
    expect(detail).toMatch(/^state +complete$/m)
  })

  test('of several streams are each read from the totals of their own', async () => {
    await stream.enter('q.jsonl', [{ id: 'a' }], 'mine')
    await stream.work()
    const { world } = stream
    const mine = (await runEntry(world, 'mine'))!
    const other: Row[] = await accountsOf(world, [mine, { ...mine, stream: 'other' }])
    expect(other.map(({ done }) => done)).toEqual([1, 0])
  })

  test('are shown again and again with --watch, until Ctrl-C', async () => {
    await stream.enter('q.jsonl', [{ id: 'a' }], 'mine')
    const { data } = stream.world.config
    const { child, ended } = launch(['runs', '--watch', '--json', '--data', data], { cwd: join(data, '..') })
    const seen: boolean[] = []
    child.stdout.on('data', (text: string) => {
      for (const line of text.trim().split('\n')) seen.push((JSON.parse(line) as { complete: boolean }[])[0]!.complete)
    })
    await eventually('the first look', 20_000, () => seen.length > 0 || undefined)
    await stream.work()
    await eventually('seeing it complete', 20_000, () => seen.at(-1) || undefined)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 0 })
    expect(seen[0]).toBe(false)
  })

  test('are listed by the command in JSON with all figures, and one of them in detail', async () => {
    await stream.enter('q.jsonl', [{ id: 'a' }], 'mine')
    await stream.work()
    const data = stream.world.config.data
    const cwd = join(data, '..')
    const listed = await run(['runs', '--json', '--data', data, '--set', 'price.reader_hour=3.6'], { cwd })
    expect(JSON.parse(listed.stdout)).toMatchObject([
      {
        run: 'mine',
        done: 1,
        complete: true,
        labels: 3,
        rate: { per_second: expect.any(Number) as number },
        seconds_left: 0,
      },
    ])
    const shown = await run(['runs', 'show', 'mine', '--data', data], { cwd })
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/^run +main\/mine \(synthesis\)/) as string })
    const absent = await run(['runs', 'show', 'nobody', '--data', data], { cwd })
    expect(absent).toMatchObject({
      ...{ code: 1, stderr: 'gainstream: there is no run nobody in stream main: gainstream runs lists them\n' },
    })
  })
})
