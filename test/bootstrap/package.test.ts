import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
// Inside the checkout, where the packages are found; ignored by everything else.
const dist = join(root, '.gainstream', 'package-test')

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
const emitted = () => readdirSync(dist, { recursive: true, encoding: 'utf8' })

describe('the package that is published', () => {
  beforeAll(() => {
    const { status, stdout } = node('bin/task.js', 'build', dist)
    expect(stdout).toBe('')
    expect(status).toBe(0)
  })
  afterAll(() => rmSync(dist, { recursive: true, force: true }))

  test('holds no TypeScript but declarations, because Node runs none under node_modules', () => {
    const typescript = emitted().filter((file) => /\.[cm]?tsx?$/.test(file))
    expect(typescript).toContain('index.d.ts')
    expect(typescript.filter((file) => !file.endsWith('.d.ts'))).toEqual([])
  })

  test('imports no TypeScript file, in code or in declarations', () => {
    const sources = emitted().filter((file) => /\.(js|d\.ts)$/.test(file))
    const wrong = sources.filter((file) =>
      /(from |import\(|new URL\()['"]\.[^'"]*\.ts['"]/.test(readFileSync(join(dist, file), 'utf8')),
    )
    expect(wrong).toEqual([])
  })

  test('gives the runtime, the method and the topology to who imports it', () => {
    const entry = JSON.stringify(pathToFileURL(join(dist, 'index.js')).href)
    const { stdout, stderr } = node('-e', `import(${entry}).then((all) => console.log(Object.keys(all).join(' ')))`)
    expect(stderr).toBe('')
    expect(stdout.split(' ')).toEqual(
      expect.arrayContaining(['processor', 'Rejected', 'grade', 'topologies', 'schemas']),
    )
  })

  test('has every file that package.json exports', () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      exports: Record<string, Record<string, string>>
    }
    const named = Object.values(exports).flatMap((conditions) => Object.values(conditions))
    expect(named.length).toBeGreaterThanOrEqual(4)
    expect(named.filter((path) => !emitted().includes(path.replace('./dist/', '')))).toEqual([])
  })

  test('runs its command', () => {
    const { status, stdout } = node(join(dist, 'cli', 'main.js'), '--help')
    expect(stdout).toMatch(/usage: gainstream/i)
    expect(status).toBe(0)
  })

  test('carries the command, what was emitted and a few texts, and nothing else', () => {
    const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      stdio: 'pipe',
      encoding: 'utf8',
    })
    const [{ files }] = JSON.parse(listed) as [{ files: { path: string }[] }]
    const paths = files.map(({ path }) => path)
    expect(paths).toEqual(expect.arrayContaining(['bin/gainstream.js', 'bin/bootstrap/version.js', 'LICENSE']))
    expect(paths.filter((path) => !/^(bin\/.*\.js|dist\/.*|package\.json|[A-Z]+(\.md)?)$/.test(path))).toEqual([])
  })
})

test('a task that does not exist is answered with those that do', () => {
  const { status, stderr } = node('bin/task.js', 'tset')
  expect(status).toBe(1)
  expect(stderr).toMatch(/^There is no task "tset": choose one of test, .*types, .*\.\n$/)
})
