/** What was given as settings, and where: one YAML file, over it the environment, over it flags. */
import { existsSync, readFileSync } from 'node:fs'
import { isMap, isNode, LineCounter, parse, parseDocument } from 'yaml'
import { trouble } from '../adapters/files/trouble.ts'
import { Fatal, sentence } from '../runtime/errors.ts'
import { isSecret, isShown } from './secrets.ts'

export interface Sources {
  /** A file named by flag; without one that of GAINSTREAM_CONFIG, or `gainstream.yaml` where it exists. */
  readonly file?: string | undefined
  readonly env: NodeJS.ProcessEnv
  /** `setting=value`, as given by `--set`. */
  readonly set?: readonly string[]
  /** Settings that a command's own flags stand for, by dotted name. */
  readonly flags?: Readonly<Record<string, unknown>>
}

export interface Given {
  readonly at: readonly string[]
  readonly value: unknown
  /** For people: where it was found. */
  readonly origin: string
  /** As it was written, where that was text: a setting that is a text takes it as it is. */
  readonly written?: string
}

/** Not settings: where models lie, where settings lie, where the benchmark's files lie, and what tests are told. */
const reserved = /^GAINSTREAM_(HOME|CONFIG|BENCHMARK|TEST_.*)$/

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the YAML parser says, without its own idea of the place and without a copy of the text. */
const reason = (error: unknown) =>
  sentence(error)
    .split('\n')[0]!
    .replace(/ at line \d+, column \d+:?$/, '')

/** A value as YAML has it; a secret is the text that it is, whatever YAML would make of it. */
const scalar = (written: string, origin: string, name: string): unknown => {
  if (isSecret(name) && written !== '') return written
  try {
    return parse(written, { logLevel: 'error' }) as unknown
  } catch (error) {
    const what = isShown(name) ? `${written} is no YAML value (${reason(error)})` : 'this is no YAML value'
    throw new Fatal(`${origin}: ${what}; put a text in quotes`)
  }
}

/** `label.alpha=0.3`, its value read as YAML. */
const assignment = (text: string): Given => {
  const cut = text.indexOf('=')
  if (cut < 1) throw new Fatal(`--set ${text.split(/[:\s]/)[0]}: write it as setting=value, e.g. --set label.alpha=0.3`)
  const [name, written] = [text.slice(0, cut), text.slice(cut + 1)]
  const origin = `--set ${name}`
  return { at: name.split('.'), value: scalar(written, origin, name), origin, written }
}

/** `GAINSTREAM_LABEL__ALPHA=0.3` is `label.alpha`. */
const environment = (env: NodeJS.ProcessEnv): Given[] =>
  Object.entries(env).flatMap(([name, written]) => {
    if (!name.startsWith('GAINSTREAM_') || written === undefined || reserved.test(name)) return []
    const at = name.slice('GAINSTREAM_'.length).toLowerCase().split('__')
    return [{ at, value: scalar(written, name, at.join('.')), origin: name, written }]
  })

const contentOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const known = trouble(path, error)
    throw known instanceof Fatal ? new Fatal(`the configuration ${known.message}`, { cause: error }) : known
  }
}

/** @throws Fatal with the line that is no YAML. */
const file = (path: string): Given[] => {
  const lines = new LineCounter()
  const document = parseDocument(contentOf(path), { lineCounter: lines })
  const [wrong] = document.errors
  if (wrong)
    throw new Fatal(`${path} line ${wrong.linePos?.[0].line ?? 1}: this is not YAML (${reason(wrong)}); mend it`)
  if (document.contents === null) return []
  if (!isMap(document.contents))
    throw new Fatal(`${path} holds no settings; write them as gainstream config show prints them`)
  const origin = (at: readonly string[]) => {
    const node = document.getIn(at, true)
    const start = isNode(node) ? node.range?.[0] : undefined
    return start === undefined ? path : `${path} line ${lines.linePos(start).line}`
  }
  const leaves = (group: Record<string, unknown>, above: readonly string[]): Given[] =>
    Object.entries(group).flatMap(([key, value]) => {
      const at = [...above, key]
      if (isGroup(value) && Object.keys(value).length > 0) return leaves(value, at)
      // A heading whose settings are all commented out is a group without any.
      return [{ at, value: value === null && above.length === 0 ? {} : value, origin: origin(at) }]
    })
  try {
    return leaves(document.toJS() as Record<string, unknown>, [])
  } catch (error) {
    // Its sentence would repeat the text, which may be a secret.
    const why = 'a text begins with *, which YAML takes for a reference; put it in quotes'
    throw error instanceof ReferenceError ? new Fatal(`${path}: this is not YAML (${why})`) : error
  }
}

/** `label.alpha` as the flag that stands for it: --alpha. */
const flag = (name: string) =>
  name === 'reader.engine' ? '--reader' : `--${name.split('.').at(-1)!.replaceAll('_', '-')}`

/** All that was given, the weakest first. @throws Fatal that names the place. */
export const givenSettings = ({ file: named, env, set = [], flags = {} }: Sources): Given[] => {
  const path = named ?? env.GAINSTREAM_CONFIG ?? (existsSync('gainstream.yaml') ? 'gainstream.yaml' : undefined)
  const own = Object.entries(flags).filter(([, value]) => value !== undefined)
  return [
    ...(path === undefined ? [] : file(path)),
    ...environment(env),
    ...set.map(assignment),
    ...own.map(([name, value]) => ({ at: name.split('.'), value, origin: flag(name) })),
  ]
}
