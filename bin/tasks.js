/** The tasks of package.json's scripts, on Node 24 with everything installed. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.js'
import { closingLine, skips } from './report.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const TOOLS = {
  tsc: 'typescript/bin/tsc',
  eslint: 'eslint/bin/eslint.js',
  prettier: 'prettier/bin/prettier.cjs',
  vitest: 'vitest/vitest.mjs',
}

/**
 * Runs a script to its end and gives its exit code.
 * @param {string} script
 * @param {string[]} args
 */
const node = (script, args) => {
  const { status, signal } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' })
  return status ?? (signal === 'SIGINT' ? 130 : 1)
}

/**
 * @param {keyof typeof TOOLS} name
 * @param {string[]} args
 */
const tool = (name, args) => node(join(root, 'node_modules', TOOLS[name]), args)

/** @param {string[]} args */
const test = (args) => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-test-'))
  const file = join(folder, 'report.json')
  try {
    const code = tool('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args])
    if (!existsSync(file)) return code || 1
    const report = /** @type {import('./report.js').Report} */ (JSON.parse(readFileSync(file, 'utf8')))
    for (const line of skips(report, root)) console.log(line)
    console.log(closingLine(report))
    return code
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string[]} args */
const bench = ([name, ...args]) => {
  const folder = join(root, 'bench')
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) =>
      entry.isDirectory() ? existsSync(join(folder, entry.name, 'main.ts')) : entry.name.endsWith('.ts'),
    )
    .map((entry) => basename(entry.name, '.ts'))
  const file = [join(folder, `${name}.ts`), join(folder, `${name}`, 'main.ts')].find((path) => existsSync(path))
  if (file) return node(file, args)
  console.error(`Say which benchmark: npm run bench -- NAME, where NAME is one of: ${names.join(', ')}.`)
  return 1
}

/** @type {Record<string, (args: string[]) => number>} */
const TASKS = {
  test,
  'test:milvus': (args) => test(['--project', 'milvus', ...args]),
  'test:vllm': (args) => test(['--project', 'vllm', ...args]),
  types: (args) => tool('tsc', ['-p', 'tsconfig.json', ...args]),
  lint: (args) => tool('eslint', ['.', ...args]),
  format: (args) => tool('prettier', ['--log-level=warn', ...(args.length ? args : ['--write']), '.']),
  bench,
  build: ([folder = 'dist']) => build(root, resolve(root, folder), (args) => tool('tsc', args)),
  /** Cheapest first, and the first that fails ends it. */
  verify: () => {
    for (const [name, args] of /** @type {const} */ ([
      ['types', []],
      ['lint', []],
      ['format', ['--check']],
      ['test', []],
    ])) {
      console.log(`verify: ${name}`)
      const code = TASKS[name]?.([...args]) ?? 1
      if (code !== 0) {
        console.error(
          `verify: ${name} failed; run "node ${relative(process.cwd(), join(root, 'bin/task.js'))} ${[name, ...args].join(' ')}" alone to see only that.`,
        )
        return code
      }
    }
    return 0
  },
}

/** Runs the task that the command line names; its exit code becomes the process's. */
export const run = () => {
  const [name = '', ...args] = process.argv.slice(2)
  const task = TASKS[name]
  if (task) process.exitCode = task(args)
  else {
    console.error(`There is no task "${name}": choose one of ${Object.keys(TASKS).join(', ')}.`)
    process.exitCode = 1
  }
}
