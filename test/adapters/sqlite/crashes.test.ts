import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { openSqliteLog, type SqliteLog, type SqliteOptions } from '../../../adapters/sqlite/log.ts'
import { eventually, idsIn, opened, out, readAll, sleep, spec, writer } from '../../conformance/tools.ts'
import { processOn } from './remote.ts'
import { brisk, connection, scratch, stopBetween } from './storage.ts'

const after: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of after.splice(0).reverse()) await undo()
})

const fresh = async (options: SqliteOptions = {}): Promise<SqliteLog & { path: string }> => {
  const { path, drop } = scratch()
  after.push(drop)
  const log = await openSqliteLog(path, options)
  after.push(() => log.close())
  return { ...log, path }
}

interface Event {
  event: string
  partition: number
}

const start = (script: string, path: string): ChildProcess & { events: Event[] } => {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [path], { execArgv: [] })
  after.push(() => kill(child))
  const events: Event[] = []
  child.on('message', (event: Event) => void events.push(event))
  return Object.assign(child, { events })
}

const kill = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

const count = ({ events }: { events: Event[] }, event: string) => events.filter((each) => each.event === event).length

/** Fills `input` with n records in four partitions. */
const fill = async (log: SqliteLog, n: number) => {
  await log.apply([spec('input', 4), spec('output', 4)])
  const source = await writer(log, 'w')
  await source.write(Array.from({ length: n }, (_, id) => out('input', `${id}`, id % 4)))
}

test('I2 killed at ten random moments of a settle loop, every batch is whole or absent', async () => {
  const { folder, path, drop } = scratch()
  after.push(drop)
  const made = await openSqliteLog(path)
  await made.apply([spec('left', 2), spec('right', 2)])
  await made.close()
  let before = 0
  for (let round = 0; round < 10; round++) {
    const child = start('settler.ts', path)
    await once(child, 'message')
    await sleep(20 + Math.random() * 150)
    await kill(child)
    const log = await openSqliteLog(path)
    const position = (await opened(log.source('writers', 'w')))?.position ?? 0
    expect(position, `killed in round ${round}, in ${folder}`).toBeGreaterThan(before)
    const numbers = Array.from({ length: position }, (_, n) => `${n}`)
    expect(await idsIn(log, 'left')).toEqual(numbers.flatMap((n) => [n, n, n]).sort())
    expect(await idsIn(log, 'right')).toEqual(numbers.flatMap((n) => [n, n]).sort())
    expect(connection(log).sql('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    await log.close()
    before = position
  }
})

test('I4 of two processes one sleeps past its lease and goes on: it is fenced, and nothing is doubled or lost', async () => {
  const log = await fresh(brisk)
  await fill(log, 4_000)
  const [sleeper, other] = [start('copier.ts', log.path), start('copier.ts', log.path)]
  await eventually('both at work', 10_000, () => (count(sleeper, 'done') > 5 && count(other, 'done') > 5) || undefined)
  await stopBetween(sleeper, log.path)
  const claims = count(other, 'claim')
  await eventually('the other takes over', 5_000, () => count(other, 'claim') > claims || undefined)
  sleeper.kill('SIGCONT')
  await eventually('the sleeper notices', 5_000, () => count(sleeper, 'lost') >= 2 || undefined)
  expect(count(sleeper, 'fenced')).toBeGreaterThan(0)
  await eventually('all copied', 30_000, async () => (await idsIn(log, 'output')).length >= 4_000 || undefined)
  await sleep(100) // for what may still be doubled
  const expected = (await readAll(log, 'input')).map(({ key, partition }) => `${partition} ${key?.toString()}`)
  const copies = (await readAll(log, 'output')).map(({ key, partition }) => `${partition} ${key?.toString()}`)
  expect(copies.sort()).toEqual(expected.sort())
})

test('I4 a process that slept past its lease loses all claims even where nobody took over, and claims anew', async () => {
  const log = await fresh(brisk)
  await fill(log, 40)
  const only = start('copier.ts', log.path)
  await eventually('all copied', 10_000, async () => (await idsIn(log, 'output')).length === 40 || undefined)
  await stopBetween(only, log.path)
  await sleep(brisk.lease + 100)
  only.kill('SIGCONT')
  await eventually(
    'losing all and claiming all',
    5_000,
    () => (count(only, 'lost') === 4 && count(only, 'claim') === 8) || undefined,
  )
  await (await writer(log, 'later')).write([out('input', 'late')])
  await eventually('going on', 5_000, async () => (await idsIn(log, 'output')).length === 41 || undefined)
})

test('I1 the partitions of a killed process are handed on long before its lease ends', async () => {
  const slow = { lease: 60_000, heartbeat: 50 }
  const log = await fresh(slow)
  await fill(log, 4)
  const victim = await processOn(log.path, slow)
  after.push(() => victim.crash())
  const claimed: number[] = []
  const onClaim = ({ partition }: { partition: number }) => void claimed.push(partition)
  await victim.log.join({ group: 'g', topic: 'input', onClaim, onFailure() {} })
  expect(claimed).toHaveLength(4)
  const mine: number[] = []
  await log.join({ group: 'g', topic: 'input', onClaim: ({ partition }) => void mine.push(partition), onFailure() {} })
  await eventually('an even share', 5_000, () => mine.length === 2 || undefined)
  await victim.crash()
  await eventually('everything', 2_000, () => mine.length === 4 || undefined)
})
