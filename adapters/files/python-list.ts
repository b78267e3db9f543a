/** Lists of texts as Python writes them: `['an answer', "it's"]`. Read by a grammar of their own; nothing is evaluated. */
import { Rejected } from '../../runtime/errors.ts'

const plainEscapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
}

const escape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([^]))/gu

/** What escapes stand for; one that Python does not know stands for itself, as in Python. */
const unescaped = (body: string): string =>
  body.replace(escape, (whole: string, x?: string, u?: string, U?: string, octal?: string, other?: string) => {
    const hex = x ?? u ?? U
    if (hex !== undefined) return character(parseInt(hex, 16), whole)
    if (octal !== undefined) return character(parseInt(octal, 8), whole)
    if (other !== undefined && 'xuUN'.includes(other)) throw wrong(`the escape ${whole} is not whole`)
    return plainEscapes[other ?? ''] ?? whole
  })

const character = (code: number, whole: string): string => {
  if (code > 0x10ffff) throw wrong(`the escape ${whole} is no character`)
  return String.fromCodePoint(code)
}

const wrong = (why: string) =>
  new Rejected(`this is no Python list of texts (${why}); write it as ['one', "another's"]`)

const space = /[ \t\r\n]*/y
const single = /'((?:[^'\\\r\n]|\\[^])*)'/uy
const double = /"((?:[^"\\\r\n]|\\[^])*)"/uy
const number = /-?(?:\d+(?:\.\d+)?)(?=[\s,\]])/y

const match = (pattern: RegExp, source: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(source)
}

/**
 * The texts of a list literal. Numbers are taken as they are written.
 *
 * @throws Rejected for anything else: names, calls, nested lists, texts side by side without a comma.
 */
export const pythonTexts = (source: string): string[] => {
  const all: string[] = []
  const skip = (at: number) => at + (match(space, source, at)?.[0].length ?? 0)
  let at = skip(0)
  if (source[at] !== '[') throw wrong('it begins with no bracket')
  at = skip(at + 1)
  while (source[at] !== ']') {
    const text = match(single, source, at) ?? match(double, source, at)
    const found = text ?? match(number, source, at)
    if (!found) throw wrong(at < source.length ? `at character ${at + 1}` : 'it has no end')
    all.push(text ? unescaped(text[1] ?? '').toWellFormed() : found[0])
    at = skip(at + found[0].length)
    if (source[at] === ',') at = skip(at + 1)
    else if (source[at] !== ']') throw wrong(at < source.length ? `at character ${at + 1}` : 'it has no end')
  }
  if (skip(at + 1) < source.length) throw wrong('there is more after its end')
  return all
}
