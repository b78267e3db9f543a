/** `gainstream doctor` as people call it: every part of the configuration is really used. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Finding } from '../../cli/doctor.ts'
import { freePorts } from '../../adapters/stack/index.ts'
import { folder, run } from './command.ts'

const where = folder()
afterAll(() => where.remove())

const doctor = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(['doctor', '--json', ...args], { cwd: where.path })
  const found = JSON.parse(stdout) as Finding[]
  return { code, stderr, health: Object.fromEntries(found.map(({ what, health }) => [what, health])), found }
}

describe('gainstream doctor', () => {
  test('finds all well where everything is in this process, and makes no log', async () => {
    const { code, health, found } = await doctor()
    const parts = ['machine', 'data folder', 'log', 'encoder', 'store', 'reader']
    expect([code, parts.map((part) => health[part])]).toEqual([0, parts.map(() => 'well')])
    expect(found.find(({ what }) => what === 'encoder')?.said).toMatch(/^all-MiniLM-L6-v2: 384 numbers, mean pooling/)
    expect(found.find(({ what }) => what === 'reader')?.said).toMatch(/gains are exact$/)
    expect(existsSync(join(where.path, '.gainstream', 'log.sqlite'))).toBe(false)
  })

  test('names each server that is away, and ends with 1', async () => {
    const [broker, registry, vllm] = (await freePorts(3)) as [number, number, number]
    const at = (port: number) => `127.0.0.1:${port}`
    const settings = [`kafka.brokers=${at(broker)}`, `registry.url=http://${at(registry)}`]
    settings.push(`vllm.urls=http://${at(vllm)}`)
    const given = settings.flatMap((setting) => ['--set', setting])
    const { code, stderr, health, found } = await doctor('--engine', 'kafka', '--reader', 'vllm', ...given)
    expect(code).toBe(1)
    expect([health.Kafka, health['schema registry'], health.vLLM, health.encoder]).toEqual([
      'ill',
      'ill',
      'ill',
      'well',
    ])
    expect(found.find(({ what }) => what === 'vLLM')?.said).toContain(at(vllm))
    expect(stderr).toMatch(/this configuration cannot work as it is: Kafka, schema registry, vLLM/)
  })
})
