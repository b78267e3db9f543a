/** A real Milvus Lite server of this machine between commands. */
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { down, freePorts, keepMilvus, seen } from '../../../adapters/stack/index.ts'
import { processesOf, readRecord } from '../../../adapters/stack/record.ts'
import { home } from '../../../cli/config.ts'
import { row } from '../../contracts/store.ts'
import { folder, run } from '../../cli/command.ts'
import { openStore, ownAlias } from '../milvus/place.ts'

const { signal } = new AbortController()
const here = folder()
const data = join(here.path, 'data')
const stack = join(data, 'stack')
const [port, other] = (await freePorts(2)) as [number, number]
const cli = (...args: string[]) => run([...args, '--data', data], { cwd: here.path })
const processes = () => {
  const record = readRecord(stack, 'milvus')
  return record ? processesOf(record) : []
}
const alias = ownAlias('standing')
const address = `127.0.0.1:${port}`

afterAll(async () => {
  await down(stack, { remove: true, grace: 1_000 })
  here.remove()
})

test('it is brought up once, listens on this machine, and is found again with the settings that use it', async () => {
  const first = await cli('up', 'milvus', '--milvus-port', String(port), '--json')
  expect([first.code, first.stderr]).toEqual([0, ''])
  const { servers, settings } = JSON.parse(first.stdout) as { servers: { pid: number }[]; settings: unknown }
  expect(servers).toEqual([expect.objectContaining({ name: 'milvus', address, found: false })])
  expect(settings).toEqual({ store: { engine: 'milvus' }, milvus: { address } })
  const again = await keepMilvus({ folder: stack, home: home(process.env), defaultPort: other })
  expect(again).toMatchObject({ found: true, pid: servers[0]!.pid, address })
  expect((await cli('status')).stdout).toMatch(new RegExp(`milvus +${address} +ready, pid \\d+`))
})

test('it is not moved to another port while it runs', async () => {
  const { code, stderr } = await cli('up', 'milvus', '--milvus-port', String(other))
  const said = `gainstream: the Milvus Lite server already runs with port ${port}, not ${other}: gainstream down stops it\n`
  expect([code, stderr]).toEqual([1, said])
})

test('stopped in its tracks it is seen to be silent', async () => {
  const before = processes()
  for (const pid of before) process.kill(pid, 'SIGSTOP')
  const silent = await seen(stack, 1_000)
  for (const pid of before) process.kill(pid, 'SIGCONT')
  expect(silent?.map(({ name, health }) => [name, health])).toEqual([['milvus', 'silent']])
})

test('killed it is seen to have ended, and goes on with all that was stored when it is brought up again', async () => {
  const store = await openStore(alias, 3, { address })
  await store.upsert([row('kept', 'words', 1, 0, 0)], signal)
  await store.close()
  for (const pid of processes()) process.kill(pid, 'SIGKILL')
  await expect.poll(() => processes()).toEqual([])
  expect((await cli('status')).stdout).toMatch(/milvus .*ended by itself; gainstream up milvus starts it again/)
  expect((await cli('up', 'milvus', '--milvus-port', String(port))).code).toBe(0)
  const after = await openStore(alias, 3, { address })
  expect(await after.count()).toBe(1)
  await after.close()
})

test('it is stopped for certain, and a port that is taken is named with its flag', async () => {
  const { code, stdout } = await cli('down', 'milvus')
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'the Milvus Lite server stopped'])
  expect(processes()).toEqual([])
  const taken = process.env['GAINSTREAM_TEST_MILVUS']!.split(':')[1]!
  const { stderr } = await cli('up', 'milvus', '--milvus-port', taken)
  expect(stderr).toBe(
    `gainstream: port ${taken} for the Milvus Lite server is in use by another program: choose another with --milvus-port, or stop that program\n`,
  )
})
