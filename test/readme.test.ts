/** What the README tells a newcomer to type, set and look at is there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Io } from '../cli/command.ts'
import { commands } from '../cli/commands.ts'
import { Config } from '../cli/config.ts'
import { topologies } from '../processors/index.ts'
import { mermaid } from '../runtime/picture.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The contents of fenced blocks of a language. */
const blocks = (language: string): string[] =>
  [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, of]) => of === language).map(([, , text = '']) => text)
/** What stands between single backticks outside of blocks. */
const spans = [...readme.replace(/^```.*?^```$/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)

describe('the picture', () => {
  const shown = blocks('mermaid').map((block) => block.trimEnd())

  test.for(['synthesis', 'answering', 'indexing'] as const)('shows the %s that runs', (name) => {
    expect(shown).toContain(mermaid(topologies[name]))
  })

  test('shows nothing else, and every processor of every topology', () => {
    const drawn = (['synthesis', 'answering', 'indexing'] as const).map((name) => topologies[name])
    expect(shown).toHaveLength(drawn.length)
    const names = new Set(drawn.flat().map(({ name }) => name))
    expect(
      Object.values(topologies)
        .flat()
        .filter(({ name }) => !names.has(name)),
    ).toEqual([])
  })
})

describe('commands', () => {
  const io: Io = { env: {}, out() {}, screen: { tty: false, write() {} }, signal: new AbortController().signal }
  const program = new Command('gainstream')
  for (const add of commands) add(program, io)
  const typed = [...blocks('bash').flatMap((block) => block.split('\n')), ...spans]
    .map((line) => line.replace(/\s+# .*$/, '').replace(/^npx /, ''))
    .filter((line) => /^gainstream [a-z]/.test(line))

  /** The command that these words name, and what is left of them. */
  const find = (at: Command, [word, ...rest]: readonly string[]): { command: Command; rest: readonly string[] } => {
    const found = at.commands.find((each) => each.name() === word)
    if (!found) throw new Error(`${at.name()} has no command ${word}`)
    const deeper = rest[0] !== undefined && !rest[0].startsWith('-') && found.commands.length > 0
    return deeper ? find(found, rest) : { command: found, rest }
  }

  test('are mentioned, and what npm is told to run are scripts', () => {
    expect(typed.length).toBeGreaterThan(10)
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    const named = [...readme.matchAll(/npm run ([\w-]+)|npm (test)\b/g)].map(([, run, test]) => run ?? test)
    expect(named).toEqual(expect.arrayContaining(['demo', 'test']))
    for (const name of named) expect(Object.keys(scripts)).toContain(name)
  })

  test.for(typed)('%s: command and flags exist', (line) => {
    const { command, rest } = find(program, line.split(/\s+/).slice(1))
    const flags = command.options.flatMap(({ short, long }) => [short, long])
    for (const flag of rest.filter((word) => word.startsWith('-'))) expect(flags).toContain(flag)
  })

  const alone = [...new Set(spans.flatMap((span) => /^--[a-z-]+/.exec(span) ?? []))]
  test.for(alone)('%s, mentioned alone, is a flag of some command or of npm', (flag) => {
    const leaves = program.commands.flatMap((each) => [each, ...each.commands])
    const flags = leaves.flatMap(({ options }) => options.map(({ long }) => long))
    expect([...flags, '--help', '--ignore-scripts']).toContain(flag)
  })
})

describe('settings', () => {
  const defaults: unknown = Config.parse({})
  const at = (value: unknown, path: readonly string[]): unknown =>
    path.reduce<unknown>(
      (tree, key) =>
        typeof tree === 'object' && tree !== null ? (tree as Readonly<Record<string, unknown>>)[key] : undefined,
      value,
    )
  const dotted = spans.flatMap((span) => /^(?:--set )?([a-z]+\.[a-z_]+)(?:=.*)?$/.exec(span)?.[1] ?? [])
  const files = /\.(jsonl?|sqlite|yaml|onnx|gguf|md|ts|js)$/
  const inFlags = [...readme.matchAll(/--set ([\w.]+)=/g)].map(([, name = '']) => name)
  const inEnvironment = [...readme.matchAll(/GAINSTREAM_(\w+__\w+)/g)].map(([, name = '']) =>
    name.toLowerCase().replaceAll('__', '.'),
  )
  const mentioned = [...dotted.filter((name) => !files.test(name)), ...inFlags, ...inEnvironment]

  test.for([...new Set(mentioned)])('%s is one', (name) => {
    expect(at(defaults, name.split('.'))).not.toBeUndefined()
  })

  test('of the example are all known and have values that they may have', () => {
    const [example] = blocks('yaml')
    expect(Config.safeParse(parse(example ?? '')).error?.issues ?? []).toEqual([])
    expect(example).toContain('alpha')
  })
})

describe('files', () => {
  const linked = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, to = '']) => to).filter((to) => !/^https?:/.test(to))

  test.for([...new Set(linked)])('%s is there', (path) => {
    expect(existsSync(join(root, path))).toBe(true)
  })

  test('are linked, the design and the recipes among them', () => {
    expect(linked).toEqual(expect.arrayContaining(['docs/architecture.md', 'CONTRIBUTING.md', 'LICENSE']))
  })
})

describe('the glossary', () => {
  const terms = [...readme.matchAll(/^\| \*\*(.+?)\*\* \|/gm)].map(([, term]) => term)

  test('has each term once', () => {
    const wanted = [
      ...['query', 'passage', 'candidate', 'gain', 'contrastive perplexity', 'plain perplexity', 'infogain'],
      ...['selector', 'reader', 'scorer', 'generator'],
      ...['run', 'stream', 'stage', 'lane', 'settle', 'reject', 'totals'],
    ]
    expect(terms.toSorted()).toEqual(wanted.toSorted())
  })
})

test('it can be read in one sitting: at most 250 lines', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(250)
})
