import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../cli/commands.ts'
import { readConfig } from '../../cli/config.ts'
import { bring, passageFile } from '../../cli/import.ts'
import { openTopics } from '../../cli/streams.ts'
import { openWorld } from '../../cli/world.ts'
import { folder, launch, run } from './command.ts'

const here = folder()
const count = 5000
const io = { env: {}, out() {}, screen: { tty: false, write() {} }, signal: new AbortController().signal }

/** A log with more passages than a pipe holds. */
beforeAll(async () => {
  const path = join(here.path, 'corpus.jsonl')
  const passage = (_: unknown, i: number) => `${JSON.stringify({ id: `p${i}`, text: `${i} ${'word '.repeat(40)}` })}\n`
  writeFileSync(path, Array.from({ length: count }, passage).join(''))
  const world = await openWorld(readConfig({ env: {}, flags: { data: join(here.path, '.gainstream') } }), io.screen, {})
  await bring(await openTopics(world), io, { path, kind: passageFile, run: 'corpus', topology: 'indexing' })
  await world.close()
})
afterAll(here.remove)

describe('results that are piped on', () => {
  test('end quietly when the reader has seen enough', async () => {
    const { child, ended } = launch(['export', 'passages'], { cwd: here.path })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await ended).toMatchObject({ code: 0, stderr: '' })
  })

  test('arrive whole at a slow reader', async () => {
    const { child, ended } = launch(['export', 'passages'], { cwd: here.path })
    child.stdout.pause()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    child.stdout.resume()
    const { code, stdout } = await ended
    const ids = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id)
    expect([code, new Set(ids).size]).toEqual([0, count])
  })
})

describe('an interrupt', () => {
  const interrupted = async (args: readonly string[], sign: string, signal: NodeJS.Signals) => {
    const { child, ended, said } = launch(args, { cwd: here.path })
    while (!said().includes(sign)) await Promise.race([once(child.stderr, 'data'), ended])
    child.kill(signal)
    return ended
  }

  test.each(['SIGINT', 'SIGTERM'] as const)('by %s lets a worker settle, leave and end as done', async (signal) => {
    const { code, stderr } = await interrupted(['start', '--only', 'select'], 'Ctrl-C', signal)
    expect(code).toBe(0)
    expect(stderr).toContain('finishing what is done; once more to stop at once')
    expect(stderr).not.toMatch(/^ {2,}at /m)
  })

  test('ends a piece of work with 130 and says how to go on', async () => {
    // Enough to be entering it for seconds, so that no encoder is opened before the interrupt.
    const lines = Array.from({ length: 60_000 }, (_, i) => `${JSON.stringify({ id: i, text: `passage ${i}` })}\n`)
    writeFileSync(join(here.path, 'large.jsonl'), lines.join(''))
    const args = ['index', 'large.jsonl', '--data', 'other']
    const { code, stderr, stdout } = await interrupted(args, 'entering', 'SIGINT')
    expect([code, stdout]).toEqual([130, ''])
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^gainstream: stopped/)
  })
})

describe('help', () => {
  test('is there for every command, on standard output', async () => {
    const { code, stdout, stderr } = await run(['--help'], { cwd: here.path })
    expect([code, stderr]).toEqual([0, ''])
    const names = [...stdout.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!).filter((name) => name !== 'help')
    expect(names).toHaveLength(commands.length)
    for (const name of names) {
      const of = await run([name, '--help'], { cwd: here.path })
      expect([name, of.code, of.stderr]).toEqual([name, 0, ''])
      expect(of.stdout).toContain(`Usage: gainstream ${name}`)
    }
  })
})
