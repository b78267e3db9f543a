import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openScoreCache, type ScoreKey } from '../../../adapters/reader/cache.ts'
import { openLlama } from '../../../adapters/llama/index.ts'
import { Fatal } from '../../../runtime/errors.ts'
import { request } from '../../contracts/scorer.ts'
import { readerFile } from '../llama/model.ts'

const folder = mkdtempSync(join(tmpdir(), 'scores-'))
afterAll(() => rmSync(folder, { recursive: true }))

const key = (n: number, changes: Partial<ScoreKey> = {}): ScoreKey => ({ prompt: [1, 2, n], base: [1, n], answer: [7, 8], alphas: [0.5], ...changes }) // prettier-ignore
const score = (n: number) => ({ plain: [-n, -0.1], contrast: [[-n / 3, -1e-300]] })

const listening = () => {
  const warnings: string[] = []
  const nothing = () => {}
  const warn = (_fields: unknown, message: string) => void warnings.push(message)
  return { logger: { debug: nothing, info: nothing, warn, error: nothing }, warnings }
}

describe('the score cache', () => {
  test('gives back the very numbers, also to another process that opens the file', () => {
    const path = join(folder, 'numbers.sqlite')
    const mine = openScoreCache(path, 'reader')
    mine.put([[key(1), score(1)]])
    const other = openScoreCache(path, 'reader')
    expect(other.get(key(1))).toEqual(score(1))
    mine.close()
    other.close()
  })

  test('knows nothing of another reader, prompt, prompt without a passage, answer or α', () => {
    const path = join(folder, 'keys.sqlite')
    const cache = openScoreCache(path, 'reader')
    cache.put([[key(1), score(1)]])
    const others = [{ prompt: [1, 2, 3] }, { base: [1] }, { answer: [7, 9] }, { alphas: [0.6] }, { alphas: [] }]
    for (const changes of others) expect(cache.get(key(1, changes))).toBeUndefined()
    const another = openScoreCache(path, 'another reader')
    expect(another.get(key(1))).toBeUndefined()
    another.close()
    cache.close()
  })

  test('keeps the newest scores and no more than it was told to', () => {
    const cache = openScoreCache(join(folder, 'bounded.sqlite'), 'reader', { keep: 10 })
    for (let n = 0; n < 25; n++) cache.put([[key(n), score(n)]])
    const kept = Array.from({ length: 25 }, (_, n) => n).filter((n) => cache.get(key(n)))
    expect(kept).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24])
    cache.close()
  })

  test('what was put by a process that was killed with SIGKILL is there', async () => {
    const path = join(folder, 'killed.sqlite')
    const module = new URL('../../../adapters/reader/cache.ts', import.meta.url).href
    const code = `
      const { openScoreCache } = await import(${JSON.stringify(module)})
      const cache = openScoreCache(${JSON.stringify(path)}, 'reader')
      cache.put([[${JSON.stringify(key(5))}, ${JSON.stringify(score(5))}]])
      console.log('put')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    const cache = openScoreCache(path, 'reader')
    expect(cache.get(key(5))).toEqual(score(5))
    cache.close()
  })

  test('a damaged file is a miss, and is said once', () => {
    const path = join(folder, 'damaged.sqlite')
    const { logger, warnings } = listening()
    const cache = openScoreCache(path, 'reader', { logger })
    cache.put([1, 2, 3].map((n) => [key(n), score(n)]))
    const damage = new DatabaseSync(path)
    damage.exec(`UPDATE scores SET value = x'0102' WHERE id = 1`)
    damage.exec('UPDATE scores SET value = zeroblob(24) WHERE id = 2')
    expect([1, 2, 3].map((n) => cache.get(key(n)))).toEqual([undefined, undefined, score(3)])
    damage.exec('ALTER TABLE scores RENAME TO gone')
    damage.close()
    expect(cache.get(key(3))).toBeUndefined()
    expect(warnings).toEqual(['the score cache cannot be read: scores are computed again'])
    cache.close()
  })

  test('a busy file holds nobody up, is said once, and is written again when it is free', async () => {
    const path = join(folder, 'busy.sqlite')
    const { logger, warnings } = listening()
    const cache = openScoreCache(path, 'reader', { logger, retry: 50 })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const started = performance.now()
    cache.put([[key(1), score(1)]])
    expect(performance.now() - started).toBeLessThan(200)
    const held = performance.now()
    cache.put([[key(2), score(2)]])
    expect(performance.now() - held).toBeLessThan(20)
    await new Promise((resolve) => setTimeout(resolve, 60))
    cache.put([[key(3), score(3)]])
    other.exec('COMMIT')
    other.close()
    await new Promise((resolve) => setTimeout(resolve, 60))
    cache.put([[key(4), score(4)]])
    expect([1, 2, 3, 4].map((n) => cache.get(key(n)))).toEqual([undefined, undefined, undefined, score(4)])
    expect(warnings).toEqual(['the score cache cannot be written: some scores are not remembered'])
    cache.close()
  })

  test('a file that is no cache is refused with its path', () => {
    const path = join(folder, 'text.sqlite')
    writeFileSync(
      path,
      'this is not a database, it is a text that is longer than a header of one hundred bytes would be.',
    )
    expect(() => openScoreCache(path, 'reader')).toThrow(Fatal)
    expect(() => openScoreCache(path, 'reader')).toThrow(path)
  })
})

describe('a scorer with a cache', () => {
  const scoreCachePath = join(folder, 'scorer.sqlite')
  const never = new AbortController().signal
  let open: Awaited<ReturnType<typeof openLlama>>
  beforeAll(async () => {
    open = await openLlama({
      modelPath: await readerFile(),
      threads: 1,
      sequences: 2,
      contextSize: 512,
      scoreCachePath,
    })
  })
  afterAll(() => open.close())

  test('evaluates nothing the second time, counts the hits, and says the same', async () => {
    const first = await open.scorer.score(request(), never)
    const again = await open.scorer.score(request(), never)
    expect(first.usage.prompt_tokens).toBeGreaterThan(200)
    // The last passage has the text of the first; both are under way at once.
    expect(first.usage.cache_hits).toBe(0)
    expect(again.usage).toMatchObject({ calls: 0, prompt_tokens: 0, cache_hits: 4 + 5 * 4 })
    expect({ base: again.base, passages: again.passages }).toEqual({ base: first.base, passages: first.passages })
  })

  test('measures only what is new when an answer or a passage is added', async () => {
    const known = await open.scorer.score(request(), never)
    const more = await open.scorer.score(request({ answers: ['the Danube', 'the blue Danube'] }), never)
    expect(more.usage.cache_hits).toBe(1 + 5)
    const old = more.passages.map((passage) => ('unscored' in passage ? [] : passage.answers[0]))
    expect(old).toEqual(known.passages.map((passage) => ('unscored' in passage ? [] : passage.answers[0])))
  })
})
