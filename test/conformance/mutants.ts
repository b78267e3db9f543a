/**
 * Does the suite see what it claims to see? Breaks lane and logs on purpose, one small change at a time, in a copy of
 * the tree, and tells which tests turned red. By hand: `node test/conformance/mutants.ts [pattern of file and name]`.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mutants, type Mutant } from './mutations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders = ['adapters/memory', 'adapters/sqlite', 'runtime', 'test/conformance', 'test/adapters/sqlite']
const files = ['package.json', 'tsconfig.json', 'vitest.config.ts']

const copied = () => {
  const copy = mkdtempSync(join(tmpdir(), 'gainstream-mutants-'))
  for (const part of [...folders, ...files]) cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

interface Report {
  testResults: { assertionResults: { fullName: string; status: string }[] }[]
}

/** Names of the tests that failed. Few seeds and little patience: a broken lane waits for nothing. */
const red = (copy: string, suite: string, bail: number): string[] => {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const args = ['node_modules/vitest/vitest.mjs', 'run', `test/conformance/${suite}.test.ts`, `--bail=${bail}`]
  const env = { ...process.env, CONFORMANCE_SEEDS: '4', CONFORMANCE_PATIENCE: '4000' }
  const options = ['--reporter=json', `--outputFile=${report}`, '--testTimeout=15000']
  spawnSync(process.execPath, [...args, ...options], { cwd: copy, env, timeout: 150_000 })
  if (!existsSync(report)) return ['(the run did not end: something goes round and round)']
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed'),
  )
  return [...new Set(failed.map(({ fullName }) => fullName))]
}

const broken = (text: string, { from, to, name }: Mutant) => {
  if (text.split(from).length !== 2) throw new Error(`"${name}" does not apply any more: bring its text up to date`)
  return text.replace(from, () => to)
}

const tried = (copy: string, mutant: Mutant, known: ReadonlySet<string>) => {
  const path = join(copy, mutant.file)
  const text = readFileSync(path, 'utf8')
  try {
    writeFileSync(path, broken(text, mutant))
    return red(copy, mutant.suite ?? 'memory', 3 + known.size).filter((name) => !known.has(name))
  } finally {
    writeFileSync(path, text)
  }
}

const main = (wanted: RegExp) => {
  const copy = copied()
  let survivors = 0
  try {
    const chosen = mutants.filter(({ name, file }) => wanted.test(`${file}: ${name}`))
    const known = new Map<string, Set<string>>()
    for (const mutant of chosen) {
      const suite = mutant.suite ?? 'memory'
      const before = known.get(suite) ?? new Set(red(copy, suite, 1000))
      if (!known.has(suite) && before.size > 0) console.log(`already red in ${suite}:\n  ${[...before].join('\n  ')}`)
      known.set(suite, before)
      const tests = tried(copy, mutant, before)
      if (tests.length === 0) survivors++
      console.log(`${tests.length > 0 ? 'red' : 'SURVIVED'} · ${mutant.file} · ${mutant.name}`)
      for (const test of tests) console.log(`      ${test}`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
  console.log(`${survivors} survived`)
  process.exitCode = survivors > 0 ? 1 : 0
}

main(new RegExp(process.argv[2] ?? ''))
