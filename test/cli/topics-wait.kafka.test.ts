/** A worker as a child process whose registry is away when it starts. */
import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { front, url } from '../adapters/registry/front.ts'
import { folder, launch, run } from './command.ts'

const brokers = process.env['GAINSTREAM_TEST_BROKERS'] ?? ''
const here = folder()
afterAll(here.remove)

test('a worker of a stream that exists waits with one line while the registry is away, and then works', async () => {
  const gate = await front()
  await gate.close()
  const given = ['--engine', 'kafka', '--prefix', `t${randomUUID().slice(0, 8)}`, '--set', `kafka.brokers=${brokers}`]
  const at = (address: string) => [...given, '--set', `registry.url=${address}`]
  const made = await run(['topics', 'apply', '--execute', '--set', 'partitions=1', ...at(url)], { cwd: here.path })
  const opened = await run(['runs', 'open', 'monday', ...at(url)], { cwd: here.path })
  expect([made.code, opened.code]).toEqual([0, 0])

  const worker = launch(['start', '--only', 'select', ...at(gate.url)], { cwd: here.path })
  await expect.poll(worker.said, { timeout: 20_000 }).toContain('waiting up to 60 s for it')
  expect(worker.said()).not.toContain('stream main: select')
  const back = await front(undefined, gate.port)
  await expect.poll(worker.said, { timeout: 20_000 }).toContain('stream main: select')
  worker.child.kill('SIGKILL')
  await Promise.all([worker.ended, back.close()])
  expect(worker.said().match(/does not answer \(ECONNREFUSED\)/g)?.length).toBe(1)
})
