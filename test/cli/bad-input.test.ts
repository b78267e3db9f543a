import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../cli/config.ts'
import { bring, passageFile } from '../../cli/import.ts'
import { openStream } from '../../cli/streams.ts'
import { openWorld } from '../../cli/world.ts'
import { files, lines, passage } from './bad-files.ts'
import { cases } from './bad-input.ts'
import { digest, folder, run } from './command.ts'

/** What SQLite finds wrong with a file. */
const whole = (path: string) => {
  const file = new DatabaseSync(path)
  try {
    return file.prepare('PRAGMA integrity_check').get()?.integrity_check
  } finally {
    file.close()
  }
}

const base = folder()
const made: ReturnType<typeof folder>[] = []
const io = { env: {}, out() {}, screen: { tty: false, write() {} }, signal: new AbortController().signal }

beforeAll(async () => {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(base.path, name), content)
  const world = await openWorld(readConfig({ env: {}, flags: { data: join(base.path, '.gainstream') } }), io.screen, {})
  const stream = await openStream(world, io.signal)
  const path = join(base.path, 'corpus.jsonl')
  await bring(stream, io, { path, kind: passageFile, run: 'corpus', topology: 'indexing' })
  await world.close()
})

afterAll(() => {
  for (const { remove } of [base, ...made]) remove()
})

const copyOfBase = () => {
  const here = folder()
  made.push(here)
  cpSync(base.path, here.path, { recursive: true })
  return here.path
}

const saidBy = (stderr: string, here: string) =>
  stderr
    .replaceAll(here, '$HERE')
    .replaceAll(base.path, '$BASE')
    .replaceAll(process.execPath, '$NODE')
    .replace(/^gainstream: /, '')

describe.concurrent('each of these ends in one sentence, and the log stays as it was', () => {
  test.each(cases)('$what', async ({ args, env, command, before, says, code = 1 }) => {
    const here = copyOfBase()
    before?.(here)
    const log = join(here, '.gainstream/log.sqlite')
    const was = digest(log)
    const ended = await run(args, { cwd: here, ...(env && { env }), ...(command && { command }) })
    expect(saidBy(ended.stderr, here)).toBe(`${says}\n`)
    expect(ended.code).toBe(code)
    expect(ended.stdout).toBe('')
    expect(digest(log)).toBe(was)
  })
})

/** A folder of 600 KB, where this user may mount one; what is mounted is unmounted by whoever asked. */
const mounted = (path: string) => {
  mkdirSync(path)
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', path]).status === 0
}

/** Nothing may be written into the folder: for root only a flag of the file system does that. */
const locked = (path: string) => {
  chmodSync(path, 0o500)
  return process.getuid?.() !== 0 || spawnSync('chattr', ['+i', path]).status === 0
}

describe('where the world is at fault', () => {
  test('a full disk ends an import in one sentence, and what had entered is whole', async ({ skip }) => {
    const here = copyOfBase()
    const small = join(here, 'small')
    if (!mounted(small)) return skip('no tmpfs can be mounted here')
    try {
      const many = Array.from({ length: 20_000 }, (_, i) => passage(String(i), `passage ${i} ${'x'.repeat(100)}`))
      writeFileSync(join(here, 'many.jsonl'), lines(...many))
      const { code, stderr } = await run(['index', 'many.jsonl', '--data', 'small/data'], { cwd: here })
      const last = stderr.trimEnd().split('\n').at(-1)
      expect(last?.replace(here, '$HERE')).toBe(
        'gainstream: the log $HERE/small/data/log.sqlite cannot grow: the disk or its allowance is full; free some space',
      )
      expect(stderr).not.toContain(' at ')
      expect(code).toBe(1)
      expect(whole(join(small, 'data/log.sqlite'))).toBe('ok')
    } finally {
      spawnSync('umount', [small])
    }
  })

  test('a data folder that may not be written to is named', async ({ skip }) => {
    const here = copyOfBase()
    const data = join(here, 'sealed')
    mkdirSync(data)
    try {
      if (!locked(data)) return skip('this user may write everywhere')
      const { code, stderr } = await run(['index', 'corpus.jsonl', '--data', 'sealed'], { cwd: here })
      expect(saidBy(stderr, here)).toBe(
        'the folder $HERE/sealed is read-only for this user: the log needs to write files there\n',
      )
      expect(code).toBe(1)
    } finally {
      spawnSync('chattr', ['-i', data])
      chmodSync(data, 0o700)
    }
  })
})
