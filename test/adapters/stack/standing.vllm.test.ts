/** A real vLLM server of this machine between commands: the one of the other tests goes on meanwhile. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { down, freePorts, seen, serve } from '../../../adapters/stack/index.ts'
import { processesOf, readRecord } from '../../../adapters/stack/record.ts'
import { home } from '../../../cli/config.ts'
import { folder, run } from '../../cli/command.ts'

const here = folder()
const data = join(here.path, 'data')
const stack = join(data, 'stack')
const [port] = (await freePorts(1)) as [number]
const cli = (...args: string[]) => run([...args, '--data', data], { cwd: here.path })
const bring = () => serve({ folder: stack, home: home(process.env), defaultPort: port, dtype: 'float32' })
const processes = () => {
  const record = readRecord(stack, 'vllm')
  return record ? processesOf(record) : []
}
const health = async () => (await seen(stack))?.map((each) => [each.name, each.health])
const timeout = 360_000

afterAll(async () => {
  await down(stack, { remove: true, grace: 1_000 })
  here.remove()
})

/** Where this machine waits for connections on that port, as the kernel writes it. */
const listening = (on: string) =>
  ['tcp', 'tcp6']
    .flatMap((kind) => readFileSync(`/proc/net/${kind}`, 'utf8').trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && local!.endsWith(`:${on}`))
    .map(([, local]) => local)

test('a port that is taken ends up with a sentence that names the flag, and nothing runs', { timeout }, async () => {
  const taken = new URL(process.env['GAINSTREAM_TEST_VLLM']!).port
  const { code, stderr } = await cli('up', 'vllm', '--vllm-port', taken)
  expect([code, stderr]).toEqual([
    1,
    `gainstream: port ${taken} for the vLLM server is in use by another program: choose another with --vllm-port, or stop that program\n`,
  ])
  expect(processes()).toEqual([])
})

test('it is brought up once, answers, and is found again by whoever brings it up next', { timeout }, async () => {
  const first = await bring()
  expect(first).toMatchObject({ found: false, address: `http://127.0.0.1:${port}`, dtype: 'float32', context: 1024 })
  const { code, stdout } = await cli('up', 'vllm', '--json')
  const again = JSON.parse(stdout) as { servers: unknown[]; settings: unknown }
  expect([code, again.servers]).toEqual([0, [expect.objectContaining({ pid: first.pid, found: true })]])
  expect(again.settings).toEqual({
    reader: { engine: 'vllm' },
    vllm: { urls: [first.address], tokenizer: first.model },
  })
  expect((await cli('status')).stdout).toMatch(/vllm +http.*ready, pid \d+, SmolLM2-135M-Instruct in float32/)
})

test('its address is of this machine only', () => {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  expect(listening(hex)).toEqual([`0100007F:${hex}`])
})

test('it is not changed while it runs', { timeout }, async () => {
  const { code, stderr } = await cli('up', 'vllm', '--dtype', 'bfloat16')
  expect([code, stderr]).toEqual([
    1,
    'gainstream: the vLLM server already runs with dtype float32, not bfloat16: gainstream down stops it\n',
  ])
})

test('stopped in its tracks it is seen to be silent, and goes on', { timeout }, async () => {
  const before = processes()
  expect(before.length).toBeGreaterThanOrEqual(3) // the one that listens, the engine, the worker
  for (const pid of before) process.kill(pid, 'SIGSTOP')
  const silent = await seen(stack, 2_000)
  for (const pid of before) process.kill(pid, 'SIGCONT')
  expect(silent!.map((each) => each.health)).toEqual(['silent'])
  await expect.poll(health, { timeout: 20_000 }).toEqual([['vllm', 'ready']])
})

test('what is left of it after kill -9 is ended by down, which leaves no process', { timeout }, async () => {
  process.kill(readRecord(stack, 'vllm')!.pid, 'SIGKILL')
  await expect.poll(health).toEqual([['vllm', 'ended']])
  const left = readRecord(stack, 'vllm')!
  expect(processesOf(left).length).toBeGreaterThanOrEqual(2)
  const { code, stdout } = await cli('down')
  expect([code, stdout]).toEqual([0, expect.stringContaining('the vLLM server')])
  expect(processesOf(left)).toEqual([])
})

test('one that is not meant to stay ends with whoever started it, however that ends', { timeout }, async () => {
  const [tied, script] = [join(here.path, 'tied'), join(here.path, 'start.mjs')]
  const module = new URL('../../../adapters/stack/index.ts', import.meta.url).href
  writeFileSync(
    script,
    `import { freePorts, startVllm, vllmEnvironment, vllmModel } from '${module}'
     const home = process.argv[2]
     const [port] = await freePorts(1)
     const [environment, model] = [await vllmEnvironment({ home }), await vllmModel({ home })]
     await startVllm({ folder: ${JSON.stringify(tied)}, environment, model, port, dtype: 'float32' })
     console.log('ready')`,
  )
  const starter = spawn(process.execPath, [script, home(process.env)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(starter.stdout, 'data')
  const record = readRecord(tied, 'vllm')!
  expect(processesOf(record).length).toBeGreaterThanOrEqual(3)
  starter.kill('SIGKILL')
  await expect.poll(() => processesOf(record), { timeout: 20_000 }).toEqual([])
  rmSync(tied, { recursive: true })
})
