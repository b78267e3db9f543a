import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { engine } from '../../runtime/engine.ts'
import { rejects, totals } from '../../topics/index.ts'
import { eventually } from '../conformance/tools.ts'
import { folder, launch, run } from './command.ts'
import { openTestStream, type TestStream } from './stream.ts'

/** A port that is free now; held until `release`. */
const somePort = async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, release: () => new Promise((resolve) => server.close(resolve)) }
}
const freePort = async () => {
  const { port, release } = await somePort()
  await release()
  return port
}

const get = async (port: number, path: string) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, body: await response.text() }
}

const reasons = async (port: number) =>
  (JSON.parse((await get(port, '/readyz')).body) as { reasons: readonly string[] }).reasons

const open: TestStream[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})
const observed = async () => {
  const port = await freePort()
  const stream = await openTestStream(`observe.port=${port}`)
  open.push(stream)
  await stream.world.observing.serve()
  const scraped = async () => (await get(port, '/metrics')).body.split('\n')
  /** Sums of a metric over its partitions, where the labels hold these texts. */
  const sum = async (name: string, ...labels: string[]) =>
    (await scraped())
      .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
      .reduce((all, line) => all + Number(line.split(' ').at(-1)), 0)
  return { port, stream, scraped, sum }
}

describe('a worker that is watched', () => {
  test('counts what it takes, writes, rejects and commits', async () => {
    const { stream, sum } = await observed()
    await stream.enter('q.jsonl', [{ id: 'kept' }, { id: 'hopeless', answers: [] }, { id: 'hard', question: 'hard?' }])
    await stream.work()
    expect(await sum('gainstream_records_in_total', 'stage="label"')).toBe(3)
    expect(await sum('gainstream_records_out_total', 'stage="label"')).toBe(2)
    expect(await sum('gainstream_records_settled_total', 'stage="label"')).toBe(3)
    expect(await sum('gainstream_records_rejected_total', 'stage="label"', 'kind="rejected"')).toBe(1)
    expect(await sum('gainstream_commits_total', 'stage="distil"', 'kind="done"')).toBeGreaterThan(0)
    expect(await sum('gainstream_claims_total', 'stage="label"', 'kind="gained"')).toBe(3)
    expect(await sum('gainstream_claims_total', 'stage="label"', 'kind="lost"')).toBe(3)
    expect(await sum('gainstream_commit_seconds_count', 'stage="label"')).toBeGreaterThan(0)
    expect(await sum('gainstream_endpoint_seconds_count', 'endpoint="reader"', 'stream="main"')).toBe(2)
  })

  test('tells of each partition while it holds it, and no longer', async () => {
    const { port, stream, scraped, sum } = await observed()
    await stream.enter('q.jsonl', [{ id: 'a' }, { id: 'b' }], 'r', 'answering')
    const { log, codec, names, now, observe, tables } = stream.world
    const common = { log, codec, names, now, observe, rejects, totals, partitions: 3, table: tables.totals }
    expect(await sum('gainstream_lag')).toBe(0)
    const running = await engine({ ...common, stages: stream.stages('answering') })
    const leave = stream.world.observing.follow(running, log)
    const all = ['lag', 'window_bytes', 'window_span', 'records_in_work', 'oldest_unfinished_seconds']
    await running.untilEmpty(stream.signal)
    await eventually('ready', 5000, async () => (await get(port, '/readyz')).status === 200 || undefined)
    const during = await scraped()
    for (const name of all) {
      const lines = during.filter((line) => line.startsWith(`gainstream_${name}{`) && line.includes('stage="select"'))
      expect(lines, name).toHaveLength(3)
    }
    expect(during.filter((line) => line.startsWith('gainstream_window_use_ratio{'))).toHaveLength(5 * 3 * 3)
    expect(during).toContain('gainstream_partitions{stream="main",stage="select"} 3')
    expect(during).toContain('gainstream_endpoint_breaker_state{stream="main",endpoint="reader"} 0')
    leave()
    expect(JSON.parse((await get(port, '/readyz')).body)).toMatchObject({ status: 'not ready' })
    await running.stop()
    const after = await scraped()
    expect(after.filter((line) => /^gainstream_(lag|window|partitions|endpoint_limit)\w*\{/.test(line))).toEqual([])
    expect(await sum('gainstream_records_in_total', 'stage="select"')).toBe(2)
  })

  test('is not ready before it works, nor where its log has lost what it reads, and says why', async () => {
    const { port, stream } = await observed()
    expect(JSON.parse((await get(port, '/readyz')).body)).toEqual({ status: 'not ready', reasons: ['it is starting'] })
    const { log, names, observing } = stream.world
    const failed = new Promise<never>(() => {})
    const stage = {
      name: 'label',
      group: 'g',
      topic: names.topic({ name: 'candidates', control: false }),
      until: undefined,
    }
    const member = { ...stage, partitions: [0], ready: false, stop: async () => {} }
    const endpoint = { name: 'reader', limit: 1, inFlight: 0, open: true, breaker: 'open' } as const
    const called = { ...endpoint, ready: async () => {}, call: async () => expect.fail('called') }
    observing.follow({ stages: [member], endpoints: [called], failed }, log)
    expect(await reasons(port)).toEqual([
      'label has not opened a partition yet',
      'nothing that is called answers: reader',
    ])
    observing.follow({ stages: [{ ...member, ready: true, topic: 'p.gone' }], endpoints: [], failed }, log)
    expect(await reasons(port)).toEqual(['the topic p.gone is gone'])
    observing.follow({ stages: [{ ...member, ready: true }], endpoints: [], failed }, { describe: () => failed })
    expect(await reasons(port)).toEqual(['the log cannot be reached: it did not answer within 2 s'])
    expect((await get(port, '/healthz')).status).toBe(200)
    observing.follow({ stages: [], endpoints: [], failed: Promise.reject(new Error('fenced for good')) }, log)
    await eventually('the failure', 1000, async () => (await get(port, '/healthz')).status === 503 || undefined)
    expect((await get(port, '/healthz')).body).toContain('fenced for good')
  })
})

describe('gainstream start', () => {
  const here = folder()
  afterAll(here.remove)

  test('serves metrics, health and readiness, and ends with its signal as before', async () => {
    const port = await freePort()
    const args = ['start', '--only', 'select', '--only', 'evaluate', '--set', `observe.port=${port}`]
    const { child, ended } = launch(args, { cwd: here.path })
    const ready = () =>
      get(port, '/readyz').then(
        ({ status }) => status === 200 || undefined,
        () => undefined,
      )
    await eventually('ready', 20_000, ready)
    expect((await get(port, '/healthz')).status).toBe(200)
    expect((await get(port, '/metrics')).body).toContain('gainstream_partitions{stream="main",stage="evaluate"}')
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0 })
  })

  test('on a port that is taken says so in one sentence that names the setting', async () => {
    const { port, release } = await somePort()
    const { code, stderr } = await run(['start', '--only', 'evaluate', '--set', `observe.port=${port}`], {
      cwd: here.path,
    })
    await release()
    expect(code).toBe(1)
    expect(stderr).toBe(
      `gainstream: metrics cannot be served on 127.0.0.1:${port}: another program has this port: choose another one as observe.port\n`,
    )
  })

  test('logs lines of JSON where nobody sits at a terminal', async () => {
    const port = await freePort()
    const set = ['--set', `observe.port=${port}`]
    const args = ['start', '--only', 'evaluate', '--until-empty', '--log', 'info', ...set]
    const { code, stderr } = await run(args, { cwd: here.path })
    expect(code, stderr).toBe(0)
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ level: 30, host: '127.0.0.1', port }])
  })
})
