import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let root: string

const inRoot = (...path: string[]) => join(root, ...path)
const stamp = () =>
  existsSync(inRoot('node_modules/.gainstream')) ? readFileSync(inRoot('node_modules/.gainstream'), 'utf8') : ''

let tarballs: string

const npm = (folder: string, ...args: string[]) =>
  execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'pipe' })

/** A checkout of which npm needs nothing from outside: one dependency, packed by this test. */
const checkout = (version: string) => {
  const dependencies = { dependency: `file:${join(tarballs, `dependency-${version}.tgz`)}` }
  writeFileSync(inRoot('package.json'), JSON.stringify({ name: 'checkout', version: '1.0.0', dependencies }))
  npm(root, 'install', '--package-lock-only')
}
const installed = () => readFileSync(inRoot('node_modules/dependency/package.json'), 'utf8')

beforeEach(() => {
  tarballs = mkdtempSync(join(tmpdir(), 'gainstream-tarballs-'))
  for (const version of ['1.0.0', '2.0.0']) {
    writeFileSync(join(tarballs, 'package.json'), JSON.stringify({ name: 'dependency', version }))
    npm(tarballs, 'pack')
  }
})
const start = () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/installer.js'), root])
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    said,
  }))
  return { child, ended, said: () => said }
}

const untilSaid = async (started: ReturnType<typeof start>, text: string) => {
  while (!started.said().includes(text)) await new Promise((resolve) => setTimeout(resolve, 5))
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gainstream-packages-'))
  checkout('1.0.0')
})
afterEach(() => {
  for (const folder of [root, tarballs]) rmSync(folder, { recursive: true, force: true })
})

describe('installing the packages of the lock', () => {
  test('happens once, and again when the lock has changed', async () => {
    const first = await start().ended
    expect(first).toMatchObject({
      code: 0,
      said: expect.stringMatching(/once \.\.\.\n.*done, \d+ MB on disk, \d+ s\n$/) as string,
    })
    const before = stamp()
    expect(before).toMatch(/^[0-9a-f]{64}$/)
    expect(await start().ended).toMatchObject({ code: 0, said: '' })

    checkout('2.0.0')
    expect((await start().ended).said).toContain('installing')
    expect(stamp()).not.toBe(before)
    expect(installed()).toContain('2.0.0')
  })

  test('is done by one of several starts at a time, and the others wait for it', async () => {
    const ended = await Promise.all([start().ended, start().ended, start().ended])
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(ended.filter(({ said }) => said.includes('done, '))).toHaveLength(1)
  })

  test('that was killed leaves nothing half installed, and the next start repairs it', async () => {
    const killed = start()
    await untilSaid(killed, 'installing')
    killed.child.kill('SIGKILL')
    expect(await killed.ended).toMatchObject({ signal: 'SIGKILL' })
    expect(existsSync(inRoot('.gainstream/install.lock'))).toBe(true)
    expect(existsSync(inRoot('node_modules'))).toBe(false)

    const began = Date.now()
    expect(await start().ended).toMatchObject({ code: 0, said: expect.stringContaining('done, ') as string })
    expect(Date.now() - began).toBeLessThan(15_000)
    expect(installed()).toContain('1.0.0')
    expect(readdirSync(inRoot('.gainstream'))).toEqual([])
  })

  test('that was interrupted says so and leaves neither lock nor staging', async () => {
    const interrupted = start()
    await untilSaid(interrupted, 'installing')
    await new Promise((resolve) => setTimeout(resolve, 100))
    interrupted.child.kill('SIGINT')
    expect(await interrupted.ended).toMatchObject({
      code: 130,
      said: expect.stringContaining('was interrupted') as string,
    })
    expect(readdirSync(inRoot('.gainstream'))).toEqual([])
    expect(existsSync(inRoot('node_modules'))).toBe(false)
  })

  test('that npm refuses ends with one sentence and then what npm says', async () => {
    rmSync(tarballs, { recursive: true })
    const { code, said } = await start().ended
    expect(code).toBe(1)
    expect(said).toMatch(
      /Set-up failed while installing the packages of package-lock\.json; npm says:\n\nnpm error code ENOENT/,
    )
    expect(existsSync(inRoot('node_modules'))).toBe(false)
  })

  test('is not repeated for what npm itself has installed from the same lock', async () => {
    npm(root, 'install')
    expect(await start().ended).toMatchObject({ code: 0, said: '' })
    expect(stamp()).not.toBe('')

    rmSync(inRoot('node_modules/.gainstream'))
    checkout('2.0.0')
    expect((await start().ended).said).toContain('installing')
    expect(installed()).toContain('2.0.0')
  })
})
