import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive, marking, readRecord, writeRecord } from '../../../adapters/stack/record.ts'
import { server, stopRecorded } from '../../../adapters/stack/server.ts'
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

test.each(['', '{', '{"pid":1,"mark":"short"}', '{"pid":"x"}'])(
  'a record that holds %j proves nothing',
  async (text) => {
    writeFileSync(join(here.path, 'broker.json'), text)
    expect(readRecord(here.path, 'broker')).toBeUndefined()
    expect(await stopRecorded(here.path, 'broker')).toBe('absent')
  },
)
