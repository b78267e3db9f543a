/** What is wrong with a setting, as one sentence that says where it was found and what it may be. */
import type { z } from 'zod'
import { isShown, shown } from './secrets.ts'

type Issue = z.core.$ZodIssue

const listed = (values: readonly unknown[]): string => {
  const names = values.map(String)
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

const kinds: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  string: 'a text',
  array: 'a list',
  object: 'a group of settings',
}

const allowed = (issue: Issue): readonly unknown[] =>
  issue.code === 'invalid_value'
    ? issue.values
    : issue.code === 'invalid_union'
      ? issue.errors.flat().flatMap(allowed)
      : []

/** What the setting must be. */
const demand = (issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be ${issue.minimum} or more`
    case 'too_big':
      return issue.origin === 'string'
        ? `must have ${issue.maximum} characters or less`
        : `must be ${issue.maximum} or less`
    case 'invalid_value':
    case 'invalid_union':
      return `must be ${listed(allowed(issue))}`
    default:
      return issue.message
  }
}

/** Letters to add, drop or change until one text is the other (Levenshtein). */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])))
    row = next
  }
  return row.at(-1)!
}

const near = (name: string, known: readonly string[]): string | undefined => {
  const own = (dotted: string) => dotted.slice(dotted.lastIndexOf('.') + 1)
  const elsewhere = known.find((each) => own(each) === own(name))
  const [best] = [...known].sort((a, b) => distance(a, name) - distance(b, name))
  return elsewhere ?? (best !== undefined && distance(best, name) <= Math.min(3, name.length / 3) ? best : undefined)
}

export interface Setting {
  readonly value: unknown
  readonly origin: string | undefined
}

/** @param known all settings by dotted name · @param found what was given under a name */
export const refusal = (issue: Issue, known: readonly string[], found: (name: string) => Setting): string => {
  const path = issue.path.map(String)
  const name = (issue.code === 'unrecognized_keys' ? [...path, issue.keys[0]!] : path).join('.')
  const { value, origin } = found(name)
  const at = origin === undefined ? '' : `${origin}: `
  if (issue.code === 'unrecognized_keys') {
    const meant = near(name, known)
    return `${at}there is no setting ${name}; ${meant === undefined ? 'gainstream config show lists them all' : `did you mean ${meant}?`}`
  }
  const repeated = value === undefined || isShown(name) ? (JSON.stringify(shown(value)) ?? 'missing') : '***'
  const is = value === null || typeof value !== 'object' ? ` is ${repeated} and` : ''
  return `${at}the setting ${name}${is} ${demand(issue)}`
}
