/** `gainstream selector` as it is typed. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, describe, expect, test } from 'vitest'
import { writeSelector } from '../../adapters/selectors/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { SelectorEntry } from '../../schemas/control.ts'
import { runsCommand } from '../../cli/commands/runs.ts'
import { selectorCommand } from '../../cli/commands/selector.ts'
import { folder, run } from './command.ts'

const here = folder()
const data = join(here.path, 'data')
afterAll(here.remove)

/** In this process: what was written to standard output and error, or the sentence with which it failed. */
const typed = async (...args: string[]) => {
  let [stdout, stderr] = ['', '']
  const io = {
    ...{ env: {}, signal: new AbortController().signal },
    out: (text: string) => void (stdout += `${text}\n`),
    screen: { tty: false, write: (text: string) => void (stderr += text) },
  }
  const program = new Command().exitOverride()
  selectorCommand(program, io)
  runsCommand(program, io)
  await program.parseAsync([...args, ...(args[1] === 'verify' ? [] : ['--data', data])], { from: 'user' })
  return { stdout, stderr }
}
const selector = (...args: string[]) => typed('selector', ...args)
const light = (name: string, weight: number) =>
  writeSelector(join(here.path, name), {
    ...{ name, encoder: null, min_score: null, trained: null },
    linear: { features: ['length'], mean: [0], scale: [1], weights: [weight] },
  })

interface Listed {
  readonly current: SelectorEntry
  readonly versions: readonly (SelectorEntry & { readonly state: string })[]
}
const listed = async () => JSON.parse((await selector('list', '--json')).stdout) as Listed
const states = async () => (await listed()).versions.map(({ name, state }) => [name, state])

describe('selectors of a stream', () => {
  test('are promoted, watched and rolled back, and the list says so', async () => {
    const [one, two] = [await light('one', 1), await light('two', 2)]
    const first = await selector('promote', one.path, '--set', 'select.by=model')
    expect(first.stdout).toContain('one (')
    expect(first.stderr).toContain('one does not say what it was trained on')
    const second = await selector('promote', two.path, '--note', 'wider', '--json')
    expect(JSON.parse(second.stdout)).toMatchObject({ name: 'two', sha256: two.identity.sha256, note: 'wider' })
    rmSync(one.path, { recursive: true }) // it was fetched when it was promoted, and is needed there no more
    const watched = await selector('shadow', one.identity.sha256.slice(0, 8), '--share', '0.25')
    expect(watched.stdout).toContain('is watched on 25 % of the queries of stream main; answers stay as they are')
    expect(await states()).toEqual([
      ['one', 'watched (25 %)'],
      ['two', 'in force'],
    ])
    expect((await selector('rollback')).stdout).toContain('one (')
    expect(await listed()).toMatchObject({ current: { name: 'one', shadow: null, previous: [''] } })
    await selector('shadow', two.path)
    expect((await listed()).current).toMatchObject({ shadow: two.identity.sha256, shadow_share: 0.1 })
    await selector('promote', two.path)
    expect((await listed()).current).toMatchObject({ name: 'two', shadow: null, shadow_share: 0 }) // no more to compare
    await selector('rollback')
    const shown = JSON.parse((await selector('show', '--json')).stdout) as object
    expect(shown).toMatchObject({ name: 'one', state: 'in force', settings: { linear: { weights: [1] } } })
  })

  test('that say of their training what a terminal would obey say it in plain letters', async () => {
    const trained = { base: null, run: 'r', settings: '', prompts: [], alpha: 0.5, groups: 1, seed: 1, at: 0 }
    const linear = { features: ['length'], mean: [0], scale: [1], weights: [1] }
    const settings = { name: 'loud', encoder: null, min_score: null, linear }
    const { path } = await writeSelector(join(here.path, 'loud'), { ...settings, trained: { ...trained, measure: 'a\u001b[31m\nb' } }) // prettier-ignore
    const { stderr } = await typed('selector', 'promote', path, '--stream', 'other')
    expect(stderr).toContain("loud was trained on a [31m b gains, and this stream's are contrastive")
  })

  test('are verified without a stream', async () => {
    const { path, identity } = await light('three', 3)
    const verified = await selector('verify', path, '--json')
    expect(JSON.parse(verified.stdout)).toMatchObject({ name: 'three', sha256: identity.sha256 })
  })
})

describe('what will not do', () => {
  test.each([
    [['promote', 'nowhere'], 'nowhere is no folder, no address and no sha256'],
    [['promote', 's3://bucket/selector'], 'nothing is read from s3: by this program; mount it as a folder'],
    [['promote', 'abcdef12'], 'no selector abcdef12 was ever used under this prefix'],
    [['shadow'], 'name the selector to watch, or give --off'],
    [['verify', '.'], 'selector.json cannot be read'],
  ])('%j is refused with a sentence', async (args, why) => {
    const by = args[0] === 'promote' ? ['--set', 'select.by=model'] : []
    await expect(selector(...args, ...by)).rejects.toThrow(why)
    await expect(selector(...args, ...by)).rejects.toThrow(Fatal)
  })

  test('ends with 1 and no stack trace', { timeout: 30_000 }, async () => {
    const { code, stderr } = await run(['selector', 'verify', here.path], { cwd: here.path })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^gainstream: .*selector\.json cannot be read.*\n$/)])
  })

  test('a stream that chooses otherwise is left alone', async () => {
    const { path } = await light('four', 4)
    await typed('runs', 'open', 'r', '--topology', 'answering', '-s', 'plain')
    await expect(selector('promote', path, '-s', 'plain')).rejects.toThrow(
      'stream plain selects by retrieval, and its settings never change: choose another stream with --stream, made with --set select.by=model',
    )
  })
})
