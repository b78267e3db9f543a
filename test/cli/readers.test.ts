/** A reader on vLLM through the command line and the composition root; the server is the simulated one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../cli/config.ts'
import { guarded, type GuardedReader } from '../../cli/readers.ts'
import { stagesOf } from '../../cli/stages.ts'
import { models, openWorld, type World } from '../../cli/world.ts'
import { label } from '../../processors/index.ts'
import { unobserved } from '../../runtime/observe.ts'
import { reader, scorer } from '../traps/stream.ts'
import { simulatedServer, type SimulatedServer } from '../vllm/fleet.ts'
import { folder, launch, run } from './command.ts'

const here = folder()
let server: SimulatedServer
beforeAll(async () => void (server = await simulatedServer()))
afterAll(async () => {
  await server.kill()
  here.remove()
})

const requests = join(here.path, 'requests.jsonl')
const passages = [
  { id: 'a', text: 'Vienna lies on the Danube.' },
  { id: 'b', text: 'Berlin lies on the Spree.' },
]
const lines = ['q1', 'q2', 'q3'].map((id) => ({ id, query: `Which river, ${id}?`, answers: ['Danube'], passages }))
writeFileSync(requests, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

const on = (...urls: string[]) => ['--reader', 'vllm', '--set', `vllm.urls=${urls.join(',')}`]
const gain = (...args: string[]) => run(['gain', requests, '--json', '--data', 'data', ...args], { cwd: here.path })

interface Line {
  readonly id: string
  readonly measure: string
  readonly alpha?: number
  readonly scorer: { readonly server: string; readonly plugin: string; readonly exact: boolean }
  readonly gains: readonly { readonly perplexity: number | null; readonly plain_mean_nll: number }[]
}
const parsed = (stdout: string) => stdout.trim().split('\n').map((line) => JSON.parse(line) as Line) // prettier-ignore

describe('gain', () => {
  test('measures on a server and says on which, with which plugin', async () => {
    const { code, stdout, stderr } = await gain(...on(`${server.url}/v1`))
    expect([code, stderr.includes('warn')]).toEqual([0, false])
    const found = parsed(stdout)
    expect(found.map(({ id }) => id)).toEqual(['q1', 'q2', 'q3'])
    expect(found[0]).toMatchObject({ measure: 'contrastive', alpha: 0.5 })
    expect(found[0]!.scorer).toMatchObject({
      ...{ server: 'vLLM 0.32.0-simulated', runner: 'simulated', plugin: 'gain-logits 0.1.0', exact: true },
    })
    expect(found[0]!.gains.every(({ perplexity }) => typeof perplexity === 'number')).toBe(true)
  })

  test('by the plain measure has no contrastive figures, and the same plain ones', async () => {
    const both = parsed((await gain(...on(server.url))).stdout)
    const { code, stdout } = await gain(...on(server.url), '--measure', 'plain')
    expect(code).toBe(0)
    const found = parsed(stdout)
    expect(found[0]).toMatchObject({ measure: 'plain', scorer: { exact: true } })
    expect(found[0]).not.toHaveProperty('alpha')
    expect(found.flatMap(({ gains }) => gains.map(({ perplexity }) => perplexity))).toEqual(Array(6).fill(null))
    const plain = (all: readonly Line[]) => all.flatMap(({ gains }) => gains.map((each) => each.plain_mean_nll))
    plain(found).forEach((value, i) => expect(value).toBeCloseTo(plain(both)[i]!, 5))
  })

  test('approximately says so', async () => {
    const { code, stdout } = await gain(...on(server.url), '--approximate')
    expect(code).toBe(0)
    expect(parsed(stdout).map(({ scorer: { exact } }) => exact)).toEqual([false, false, false])
  })

  test('names the served model that is not served, by --model', async () => {
    const { code, stderr } = await gain(...on(server.url), '--model', 'other')
    expect(code).not.toBe(0)
    expect(stderr).toContain('does not serve the model other (it serves m): set vllm.model to one of its own')
  })

  test('waits for a server that is not there yet', async () => {
    const late = await simulatedServer()
    await late.kill()
    const args = ['gain', requests, '--json', '--data', 'late', ...on(late.url)]
    const { ended } = launch(args, { cwd: here.path })
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await late.start()
    const { code, stdout } = await ended
    expect([code, parsed(stdout).length]).toEqual([0, 3])
    await late.kill()
  })
})

describe('stages', () => {
  const screen = { tty: false, write() {} }
  const opened = async (set: string[], use: (world: World) => Promise<void>) => {
    const config = readConfig({ env: {}, set, flags: { data: join(here.path, `world-${set.length}`) } })
    const world = await openWorld(config, screen, {}, { create: true })
    await use(world).finally(() => world.close())
  }

  test('on servers share one endpoint for all of them, and a lane takes what the servers may be given', async () => {
    const set = ['reader.engine=vllm', `vllm.urls=${server.url},${server.url.replace('127.0.0.1', 'localhost')}`]
    await opened([...set, 'vllm.concurrency.max=5'], async (world) => {
      const bound = await stagesOf(world, ['imagine', 'label', 'distil', 'generate', 'select'])
      expect(bound.map(({ policy }) => policy.inFlight).slice(0, 4)).toEqual([10, 10, 10, 10])
      const endpoints = new Set(bound.flatMap(({ endpoints }) => endpoints))
      expect(endpoints.size).toBe(1)
      expect([...endpoints][0]!.limit).toBeGreaterThan(0)
      await bound[0]!.canary!(new AbortController().signal)
    })
  })

  test('in this process keep the policy that they have', async () => {
    await opened([], async (world) => {
      const doubles = { scorer: scorer().port, reader: reader() }
      const own = { ...world, reader: async () => guarded(doubles, world.config, world.observe) }
      const [bound] = await stagesOf(own, ['label'])
      expect(bound!.policy).toEqual(label.policy)
    })
  })
})

test('a harmless request is a server’s, too: it fails while that is away', async () => {
  const own = await simulatedServer()
  const config = readConfig({ env: {}, flags: { 'reader.engine': 'vllm', 'vllm.urls': own.url, data: here.path } })
  const { reader: open, closeAll } = models(config, { tty: false, write() {} }, process.env)
  const { calls }: GuardedReader = await open(unobserved)
  const asked = () => calls.canary(AbortSignal.timeout(20_000))
  await asked()
  await own.kill()
  await expect(asked()).rejects.toThrow()
  await closeAll()
})
