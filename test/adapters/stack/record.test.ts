import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isAlive, marking, processesOf, readRecord, writeRecord } from '../../../adapters/stack/record.ts'
import { lastComplaint, server, stopRecorded } from '../../../adapters/stack/server.ts'
import { folder } from '../../cli/command.ts'

let here: ReturnType<typeof folder>
let children: ChildProcess[]
beforeEach(() => ([here, children] = [folder(), []]))
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  here.remove()
})

/** A process that does nothing, with these words on its command line. */
const idle = (...words: string[]) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', ...words])
  children.push(child)
  return child.pid!
}

const mark = 'b7f0b2d4-0000-4000-8000-000000000000'
const seems = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a process that was given the recorded number meanwhile gets no signal', async () => {
  const pid = idle('-Dgainstream.stack=of-somebody-else')
  writeRecord(here.path, 'broker', { pid, mark, ports: { broker: 1 } })
  expect(await stopRecorded(here.path, 'broker')).toBe('absent')
  expect(seems(pid)).toBe(true)
  expect(existsSync(join(here.path, 'broker.json'))).toBe(false)
})

test('the handle of a server sends no signal to a foreign process either, and shows no pid', async () => {
  const pid = idle()
  writeRecord(here.path, 'broker', { pid, mark, ports: {} })
  const nothing = () => Promise.resolve()
  const handle = server({
    ...{ name: 'broker', folder: here.path, log: 'x.log', ports: {}, command: 'false', args: [], detached: false },
    ...{ prepare: nothing, probe: nothing },
  })
  handle.kill('SIGKILL')
  await new Promise((resolve) => setTimeout(resolve, 200)) // the dead are buried meanwhile
  expect([handle.pid, seems(pid)]).toEqual([undefined, true])
})

test('a process that bears the mark of the record is stopped', async () => {
  const pid = idle(marking(mark))
  writeRecord(here.path, 'broker', { pid, mark, ports: {} })
  expect(isAlive({ pid, mark })).toBe(true)
  expect(await stopRecorded(here.path, 'broker')).toBe('stopped')
  expect(isAlive({ pid, mark })).toBe(false)
})

test('one that does not heed SIGTERM is killed after the grace, and that is said', async () => {
  const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('deaf')"
  const child = spawn(process.execPath, ['-e', script, '--', marking(mark)])
  children.push(child)
  const pid = child.pid!
  await once(child.stdout, 'data')
  writeRecord(here.path, 'broker', { pid, mark, ports: {} })
  expect(await stopRecorded(here.path, 'broker', 300)).toBe('killed')
  expect(isAlive({ pid, mark })).toBe(false)
})

describe('a server with processes of its own', () => {
  const ours = 'setInterval(() => {}, 1000)'
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', '${ours}']); ${ours}`
  const family = () =>
    server({
      ...{ name: 'vllm', folder: here.path, log: 'x.log', ports: {}, family: true, detached: true },
      ...{ command: process.execPath, marked: (of) => ['-e', parent, '--', marking(of)], args: [] },
      ...{ prepare: () => Promise.resolve(), probe: () => Promise.resolve() },
    })
  const processes = () => processesOf(readRecord(here.path, 'vllm')!)
  const both = async () => {
    const one = family()
    await one.start()
    await expect.poll(() => processes().length, { timeout: 10_000 }).toBe(2)
    return [one, processes()] as const
  }
  const state = (pid: number) => spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
  /** Neither gone nor dead and waiting for its burial. */
  const runs = (pid: number | undefined) => !['', 'Z'].includes(state(pid!).charAt(0))
  afterEach(() => stopRecorded(here.path, 'vllm', 0))

  test('leaves none of them when it is stopped', async () => {
    const [one, pids] = await both()
    expect(await one.stop()).toBe('killed') // the parent ends; what it started does not see it
    expect(pids.filter(runs)).toEqual([])
  })

  test('passes every signal on to all of them', async () => {
    const [one, pids] = await both()
    one.kill('SIGSTOP')
    await expect.poll(() => pids.map(state).every((each) => each.startsWith('T'))).toBe(true)
    one.kill('SIGKILL')
    await expect.poll(() => pids.filter(runs)).toEqual([])
  })

  test('that was killed alone is stopped with what it left, and cleared away before it starts again', async () => {
    const [one, [first, left]] = await both()
    process.kill(first!, 'SIGKILL')
    await expect.poll(() => one.pid).toBeUndefined()
    expect(processes()).toEqual([left])
    await one.start()
    expect(runs(left)).toBe(false)
    await expect.poll(() => processes().length, { timeout: 10_000 }).toBe(2)
    const [again, orphan] = processes()
    process.kill(again!, 'SIGKILL')
    await expect.poll(() => one.pid).toBeUndefined()
    expect(await stopRecorded(here.path, 'vllm')).toBe('killed')
    expect(runs(orphan)).toBe(false)
  })
})

test.each(['', '{', '{"pid":1,"mark":"short"}', '{"pid":"x"}'])(
  'a record that holds %j proves nothing',
  async (text) => {
    writeFileSync(join(here.path, 'broker.json'), text)
    expect(readRecord(here.path, 'broker')).toBeUndefined()
    expect(await stopRecorded(here.path, 'broker')).toBe('absent')
  },
)

test.each([
  ['a\nERROR the disk is full\n\tat Disk.java:1\nbye', 'ERROR the disk is full'],
  ['ValueError: no such dtype\nRuntimeError: it failed. See root cause above.', 'ValueError: no such dtype'],
  ['ValidationError: 1 validation error for Config\n  Value error, no model\n  For more see', 'Value error, no model'],
  ['only words', 'only words'],
  ['', 'it said nothing'],
])('what a server complained of last is found in its log: %j', (log, complaint) => {
  writeFileSync(join(here.path, 'x.log'), log)
  expect(lastComplaint(join(here.path, 'x.log'))).toBe(complaint)
})

test('a server that shows no arguments for a while, because it becomes another program, is not taken for dead', async () => {
  const last = 'exec bash -c "sleep 30; :" gainstream.stack=$GAINSTREAM_STACK'
  const script = `sleep 0.2; exec bash -c 'sleep 0.4; ${last}'`
  const from = Date.now()
  const one = server({
    ...{ name: 'odd', folder: here.path, log: 'x.log', ports: {}, detached: true, command: 'bash', args: [] },
    ...{ marked: (of) => ['-c', script, marking(of)], prepare: () => Promise.resolve() },
    probe: () => (Date.now() - from > 800 ? Promise.resolve() : Promise.reject(new Error('not yet'))),
  })
  await one.start()
  expect(one.pid).toBeDefined()
  await one.stop()
})
