import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, test } from 'vitest'
import { openSqliteLog } from '../../../adapters/sqlite/log.ts'
import { Fatal } from '../../../runtime/errors.ts'
import { idsIn, out, sleep, spec, writer } from '../../conformance/tools.ts'
import { processOn } from './remote.ts'
import { scratch } from './storage.ts'

const after: (() => unknown)[] = []
afterEach(() => {
  for (const undo of after.splice(0).reverse()) undo()
})

const place = () => {
  const { path, drop } = scratch()
  after.push(drop)
  return path
}

const refused = async (path: string) => {
  const error = await openSqliteLog(path).then(
    (log) => log.close(),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Fatal)
  return error instanceof Fatal ? error.message : ''
}

/** Root may write anything: become somebody else for a while. */
const unprivileged = () => {
  if (process.geteuid?.() !== 0) return
  process.seteuid?.(65_534)
  after.push(() => process.seteuid?.(0))
}

const filled = async (path: string) => {
  const log = await openSqliteLog(path)
  await log.apply([spec('things')])
  await (await writer(log, 'w')).write([out('things', 'kept')])
  await log.close()
}

test('a missing folder is named', async () => {
  const path = join(dirname(place()), 'missing', 'log.sqlite')
  expect(await refused(path)).toBe(`the folder ${dirname(path)} of the log does not exist: create it`)
})

test('a folder in the place of the file is named', async () => {
  const path = place()
  mkdirSync(path)
  expect(await refused(path)).toBe(`${path} is a folder: name a file for the log`)
})

test('a file that is no database is left as it is', async () => {
  const path = place()
  const text = 'This is a text, and somebody may need it. '.repeat(99)
  writeFileSync(path, text)
  expect(await refused(path)).toMatch(/damaged or no SQLite database/)
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test("another program's database is left as it is", async () => {
  const path = place()
  const other = new DatabaseSync(path)
  other.exec('CREATE TABLE theirs (x)')
  other.close()
  const before = readFileSync(path)
  expect(await refused(path)).toBe(`${path} is a SQLite database of another program: choose another path for the log`)
  expect(readFileSync(path)).toEqual(before)
})

test('a layout of a newer program is left to that program', async () => {
  const path = place()
  await filled(path)
  const newer = new DatabaseSync(path)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  expect(await refused(path)).toMatch(/has layout 99 and this program knows layouts up to 1: use the newer program/)
})

test('a file that this user may not write is named, and nothing in it changes', async () => {
  const path = place()
  await filled(path)
  chmodSync(dirname(path), 0o777)
  chmodSync(path, 0o444)
  const before = readFileSync(path)
  unprivileged()
  expect(await refused(path)).toMatch(/log.sqlite is read-only for this user: change its permissions/)
  expect(readFileSync(path)).toEqual(before)
})

test('a folder that this user may not write is named, with and without a log in it', async () => {
  const path = place()
  await filled(path)
  chmodSync(path, 0o666)
  chmodSync(dirname(path), 0o555)
  after.push(() => chmodSync(dirname(path), 0o755))
  unprivileged()
  const wanted = `the folder ${dirname(path)} is read-only for this user: the log needs to write files there`
  expect(await refused(path)).toBe(wanted)
  expect(await refused(join(dirname(path), 'new.sqlite'))).toBe(wanted)
})

test('six processes may make the file at once', async () => {
  const path = place()
  const gate = new DatabaseSync(path)
  gate.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE')
  const starting = Array.from({ length: 6 }, () => processOn(path, {}))
  await sleep(1_500) // all have seen an empty file and wait to be the first
  gate.exec('COMMIT')
  gate.close()
  const processes = await Promise.all(starting)
  try {
    await Promise.all(processes.map(({ log }, n) => log.apply([spec('all'), spec(`own${n}`)])))
    for (const [n, { log }] of processes.entries()) await (await writer(log, `w${n}`)).write([out('all', `${n}`)])
    for (const { log } of processes) expect(await idsIn(log, 'all')).toEqual(['0', '1', '2', '3', '4', '5'])
  } finally {
    await Promise.all(processes.map((each) => each.crash()))
  }
})
