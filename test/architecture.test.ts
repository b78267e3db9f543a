import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

/** What a folder may import of another: everything, types alone, or types and the values of the files that match. */
type Grant = 'all' | 'types' | RegExp
interface Rule {
  readonly ours: Readonly<Record<string, Grant>>
  /** Packages: any, or these. */
  readonly packages: 'any' | readonly string[]
}

const everything: Rule = {
  packages: 'any',
  ours: {
    runtime: 'all',
    schemas: 'all',
    topics: 'all',
    method: 'all',
    processors: 'all',
    adapters: 'all',
    dashboard: 'all',
    demo: 'all',
  },
}

/** The table of the design: a folder imports itself, what stands here, and of Node's own modules as `pure` says. */
const rules: Readonly<Record<string, Rule>> = {
  runtime: { ours: {}, packages: [] },
  // A value that does not fit is Rejected: the codec throws the runtime's errors.
  schemas: { ours: { runtime: /^runtime\/errors\.ts$/ }, packages: ['avsc'] },
  method: { ours: { schemas: 'types' }, packages: [] },
  topics: { ours: { runtime: 'all', schemas: 'all' }, packages: [] },
  processors: { ours: { method: 'all', runtime: 'all', topics: 'all', schemas: 'types' }, packages: [] },
  adapters: { ours: { runtime: 'all', method: 'all', schemas: 'types' }, packages: 'any' },
  cli: everything,
  dashboard: everything,
  demo: everything,
  bench: { ...everything, ours: { ...everything.ours, cli: 'all', bin: 'all' } },
  test: { ...everything, ours: { ...everything.ours, cli: 'all', bin: 'all', bench: 'all' } },
  bin: { ours: {}, packages: [] },
}

/** Folders that neither wait for the world nor look at it: of Node they get what computes. */
const pure = ['method', 'topics', 'processors']
const computing = ['node:assert', 'node:buffer', 'node:crypto', 'node:util', 'node:zlib']

interface Import {
  readonly from: string
  /** The specifier of a package, or the path of a file of ours relative to the root. */
  readonly of: string
  readonly typeOnly: boolean
}

const isTypeOnly = (node: ts.ImportDeclaration | ts.ExportDeclaration): boolean => {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly
  const bindings = node.importClause?.namedBindings
  if (node.importClause?.isTypeOnly) return true
  return (
    !node.importClause?.name &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.length > 0 &&
    bindings.elements.every((element) => element.isTypeOnly)
  )
}

/** Every import of a source text: declarations, re-exports, `import()` and `import('…')` types. */
const importsOf = (file: string, text: string): Import[] => {
  const found: Import[] = []
  const add = (specifier: string, typeOnly: boolean) => {
    const of = specifier.startsWith('.') ? join(dirname(file), specifier) : specifier
    found.push({ from: file, of, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      if (ts.isStringLiteral(node.moduleSpecifier)) add(node.moduleSpecifier.text, isTypeOnly(node))
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      if (argument && ts.isStringLiteral(argument)) add(argument.text, false)
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) add(node.argument.literal.text, true)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false))
  return found
}

const folderOf = (path: string) => path.split('/')[0] ?? ''
const isOurs = (of: string) => folderOf(of) in rules || /\.(ts|js)$/.test(of)

/** Why an import breaks the table, or undefined. */
const breach = ({ from, of, typeOnly }: Import): string | undefined => {
  const folder = folderOf(from)
  const rule = rules[folder]
  if (!rule) return undefined
  if (isBuiltin(of)) {
    const named = of.startsWith('node:') ? of : `node:${of}`
    return pure.includes(folder) && !computing.includes(named) ? `${from} looks at the world through ${of}` : undefined
  }
  if (!isOurs(of)) {
    const name = of
      .split('/')
      .slice(0, of.startsWith('@') ? 2 : 1)
      .join('/')
    return rule.packages === 'any' || rule.packages.includes(name) ? undefined : `${from} imports the package ${name}`
  }
  if (folderOf(of) === folder) return undefined
  const grant = rule.ours[folderOf(of)]
  if (grant === 'all' || (grant && typeOnly) || (grant instanceof RegExp && grant.test(of))) return undefined
  return `${from} imports ${grant ? 'values' : 'something'} of ${of}`
}

const LEFT_OUT = ['node_modules', 'dist', '.git', '.gainstream', '__pycache__', '.venv']

/** All files of the checkout, relative to its root. */
const files = (folder = root): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (LEFT_OUT.includes(entry.name) || /\.(egg-info|tgz)$/.test(entry.name)) return []
    return entry.isDirectory() ? files(path) : entry.isFile() ? [relative(root, path)] : []
  })

const all = files()
const read = (file: string) => readFileSync(join(root, file), 'utf8')

describe('what may import what', () => {
  test('the table of the design holds in every source file', () => {
    const sources = all.filter((file) => /\.(ts|js)$/.test(file) && folderOf(file) in rules)
    expect(sources.length).toBeGreaterThan(20)
    expect(sources.flatMap((file) => importsOf(file, read(file))).flatMap((found) => breach(found) ?? [])).toEqual([])
  })

  test.each([
    ['runtime/x.ts', `import type { Query } from '../schemas/query.ts'`],
    ['runtime/x.ts', `import { Kafka } from 'kafkajs'`],
    ['schemas/x.ts', `import { lane } from '../runtime/lane.ts'`],
    ['method/x.ts', `import { Query } from '../schemas/query.ts'`],
    ['method/x.ts', `import { type Query, other } from '../schemas/query.ts'`],
    ['method/x.ts', `export * from '../runtime/topic.ts'`],
    ['method/x.ts', `import { readFileSync } from 'node:fs'`],
    ['topics/x.ts', `import { gain } from '../method/gain.ts'`],
    ['processors/x.ts', `const store = await import('../adapters/sqlite/log.ts')`],
    ['processors/x.ts', `import * as query from '../schemas/query.ts'`],
    ['processors/x.ts', `import avsc from 'avsc'`],
    ['adapters/x.ts', `import { label } from '../processors/label.ts'`],
    ['adapters/x/y.ts', `type Config = import('../../cli/config.ts').Config`],
    ['dashboard/x.ts', `import { main } from '../cli/main.ts'`],
    ['bin/x.js', `import ts from 'typescript'`],
  ])('in %s, %s is a breach', (file, text) => {
    expect(importsOf(file, text).map(breach)).toEqual([expect.any(String)])
  })

  test.each([
    ['schemas/x.ts', `import avsc from 'avsc'`],
    ['schemas/x.ts', `import { Rejected } from '../runtime/errors.ts'`],
    ['method/x.ts', `import { type Query } from '../schemas/query.ts'`],
    ['method/x.ts', `import { createHash } from 'node:crypto'`],
    ['processors/x.ts', `export type { Query } from '../schemas/query.ts'`],
    ['adapters/x/y.ts', `import { fused } from '../../method/fusion.ts'; import { Tokenizer } from 'tokenizers'`],
    ['cli/x.ts', `import { log } from '../adapters/sqlite/log.ts'; import { z } from 'zod'`],
  ])('in %s, %s is not', (file, text) => {
    expect(importsOf(file, text).map(breach).filter(Boolean)).toEqual([])
  })
})

/** How a long file excuses itself in its header, e.g. `Longer than 250 lines because …`. */
const EXCUSE = /Longer than 250 lines because \S/

test('no file is over 250 lines unless its header says why', () => {
  const long = all.filter((file) => {
    if (!/\.(ts|tsx|js|py|sh)$/.test(file) || file.endsWith('.test.ts')) return false
    const lines = read(file).trimEnd().split('\n')
    return (
      lines.length > 250 &&
      !EXCUSE.test(
        lines
          .slice(0, 40)
          .join(' ')
          .replaceAll(/\s+\*?\s*/g, ' '),
      )
    )
  })
  expect(long).toEqual([])
})

/** Pieces, so that this file does not hold what it looks for. */
const HOSTS = [
  ['registry', 'npmjs'],
  ['pypi', 'org'],
  ['files', 'pythonhosted'],
  ['static', 'crates'],
  ['repo1', 'maven'],
].map((parts) => parts.join('.'))

describe('where packages come from is the business of whoever installs', () => {
  test('no committed text names the host of a registry', () => {
    const texts = all.filter((file) => !/\.(gz|gguf|onnx|png|bin|sqlite)$/.test(file))
    expect(texts).toContain('package-lock.json')
    expect(texts.filter((file) => HOSTS.some((host) => read(file).includes(host)))).toEqual([])
  })

  test('package-lock.json names no address at all', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"/)
  })
})
