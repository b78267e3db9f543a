import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import kafkajs from 'kafkajs'
import { afterAll, describe, expect, test } from 'vitest'
import { down, freePorts, programs, seen, up } from '../../../adapters/stack/index.ts'
import { locked } from '../../../adapters/stack/lock.ts'
import { isAlive, readRecord } from '../../../adapters/stack/record.ts'
import { home } from '../../../cli/config.ts'
import { folder, run } from '../../cli/command.ts'

const missing = await programs({ home: home(process.env) }).then(
  () => undefined,
  (error: Error) => error.message,
)
if (missing !== undefined && process.env['CI']) throw new Error(missing)

const here = folder()
const data = join(here.path, 'data')
const stack = join(data, 'stack')
const [broker, registry] = (await freePorts(2)) as [number, number]
const options = { folder: stack, home: home(process.env), ports: { broker, registry } }
const cli = (...args: string[]) => run([...args, '--data', data], { cwd: here.path })
const lock = pathToFileURL(join(import.meta.dirname, '../../../adapters/stack/lock.ts')).href
const url = `http://127.0.0.1:${registry}/apis/ccompat/v7`

const kafka = new kafkajs.Kafka({ brokers: [`127.0.0.1:${broker}`], logLevel: kafkajs.logLevel.NOTHING })
const written = async () => {
  const [admin, producer] = [kafka.admin(), kafka.producer()]
  await Promise.all([admin.connect(), producer.connect()])
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }], waitForLeaders: false })
  await producer.send({ topic: 'kept', messages: [{ value: 'a record' }], acks: -1 })
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const body = JSON.stringify({ schema: '"string"' })
  expect((await fetch(`${url}/subjects/kept-value/versions`, { method: 'POST', headers, body })).status).toBe(200)
  await Promise.all([admin.disconnect(), producer.disconnect()])
}
const kept = async () => {
  const admin = kafka.admin()
  await admin.connect()
  const [found] = await admin.fetchTopicOffsets('kept')
  await admin.disconnect()
  return { end: found?.high, subjects: await (await fetch(`${url}/subjects`)).json() }
}
/** Servers of Java on a machine that has much else to do. */
const timeout = 240_000
const title = missing === undefined ? 'a stack of this machine' : `no servers: ${missing}`

const pids = async () => Object.fromEntries((await seen(stack))!.map(({ name, pid }) => [name, pid]))

describe.skipIf(missing !== undefined)(title, { timeout }, () => {
  afterAll(async () => {
    await down(stack, { remove: true, grace: 5_000 })
    here.remove()
  })

  test('is not there before it was brought up, and taking it down does nothing', async () => {
    expect(await seen(stack)).toBeUndefined()
    expect((await cli('down')).stdout).toContain('nothing was brought up')
    expect(existsSync(stack)).toBe(false)
  })

  test('a port that is taken ends up with one sentence that names the flag, and nothing runs', async () => {
    const somebody = createServer().listen(0, '127.0.0.1')
    await once(somebody, 'listening')
    const { port } = somebody.address() as { port: number }
    const ended = await cli('up', '--broker-port', String(port), '--registry-port', String(port))
    somebody.close()
    expect([ended.code, ended.stdout]).toEqual([1, ''])
    expect(ended.stderr).toMatch(
      new RegExp(
        `^gainstream: port ${port} for the (broker|registry) is in use by another program: choose another with --(broker|registry)-port, or stop that program\n$`,
      ),
    )
    expect((await seen(stack))!.map(({ health }) => health)).toEqual(['down', 'down'])
  })

  test('is brought up once, and found again by whoever brings it up next', async () => {
    const first = await up(options)
    expect(first.map(({ name, found }) => [name, found])).toEqual([
      ['broker', false],
      ['registry', false],
    ])
    const { code, stdout } = await cli('up', '--json')
    const again = JSON.parse(stdout) as { servers: { pid: number; found: boolean }[]; settings: unknown }
    expect(code).toBe(0)
    expect(again.servers.map(({ pid, found }) => [pid, found])).toEqual(first.map(({ pid }) => [pid, true]))
    expect(again.settings).toEqual({
      ...{ engine: 'kafka', kafka: { brokers: [`127.0.0.1:${broker}`] }, registry: { url } },
    })
  })

  test('is not moved to another port while it runs', async () => {
    const { code, stderr } = await cli('up', '--broker-port', '1')
    expect([code, stderr]).toEqual([
      1,
      `gainstream: the broker already runs with port ${broker}, not 1: gainstream down stops it\n`,
    ])
  })

  test('status shows where its servers are, and fails where no stream is there to be shown', async () => {
    const { code, stdout } = await cli('status')
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(new RegExp(`broker +127.0.0.1:${broker} +ready, pid \\d+`)),
    ])
  })

  test('killed with SIGKILL and brought up again has what it had', async () => {
    await written()
    for (const pid of Object.values(await pids())) process.kill(pid!, 'SIGKILL')
    await expect.poll(async () => (await seen(stack))!.map(({ health }) => health)).toEqual(['ended', 'ended'])
    const again = await up({ ...options, ports: {}, defaults: options.ports })
    expect(again.map(({ found }) => found)).toEqual([false, false])
    expect(await kept()).toEqual({ end: '1', subjects: ['kept-value'] })
  })

  test('a broker that is stopped in its tracks is seen to be silent', async () => {
    const before = await pids()
    process.kill(before.broker!, 'SIGSTOP')
    const health = (await seen(stack, 2_000))!.map(({ health }) => health)
    process.kill(before.broker!, 'SIGCONT')
    expect(health).toEqual(['silent', 'ready'])
  })

  test('a second command waits for the first, and not for ever', async () => {
    const order: string[] = []
    const first = locked(stack, async () => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      order.push('first')
    })
    await Promise.all([first, locked(stack, async () => void order.push('second'))])
    expect(order).toEqual(['first', 'second'])
    await expect(locked(stack, () => locked(stack, async () => {}, 200))).rejects.toThrow(/another command is at work/)
  })

  test('a command that was killed holds nobody up', async () => {
    const holding =
      'await locked(process.argv[1], () => (console.log("held"), new Promise((end) => setTimeout(end, 60_000))))'
    const script = `import { locked } from '${lock}'; ${holding}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, stack])
    await once(child.stdout, 'data')
    await expect(locked(stack, async () => {}, 200)).rejects.toThrow(/another command is at work/)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect(locked(stack, async () => 'ours', 2_000)).resolves.toBe('ours')
  })

  test('taken down leaves no process, and taken down with --delete no file', async () => {
    const records = ['broker', 'registry'].map((name) => readRecord(stack, name)!)
    expect(records.map(isAlive)).toEqual([true, true])
    const { code, stdout } = await cli('down')
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/the broker stopped\nthe registry stopped\nall records stay/),
    ])
    expect(records.map(isAlive)).toEqual([false, false])
    expect(readFileSync(join(stack, 'kafka', 'meta.properties'), 'utf8')).toContain('cluster.id')
    expect((await cli('down', '--delete')).code).toBe(0)
    expect(existsSync(stack)).toBe(false)
  })
})
