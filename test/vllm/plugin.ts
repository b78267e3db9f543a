/**
 * What the simulated server knows of the plugin's protocol: the same rules and the same refusals as `python/gain-logits`,
 * over the simulated model.
 */
import { contrasted, differing, rowAfter, vocabulary } from './model.ts'

/** The log-probability of a value that leaves out of band lies this much lower. */
export const shift = 50
const lowest = -4000
/** The most values of one step. */
const most = 120
/** Bytes of the description that one step carries. */
const chunk = 100
const absent = -300

export interface Gain {
  readonly op: 'store' | 'use' | 'describe'
  readonly key: string
  readonly prefix: readonly number[]
  readonly path: readonly number[]
  /** Per step. */
  readonly wanted: readonly (readonly number[])[]
  readonly alphas: readonly number[]
  readonly form: 'paper' | 'difference'
}

/** What a request asks of the plugin that it refuses: 400. */
export class Malformed extends Error {}

const refuse = (sentence: string): never => {
  throw new Malformed(sentence)
}

const names = ['op', 'key', 'prefix', 'path', 'wanted', 'counts', 'alphas', 'form'].map((name) => `gain_${name}`)

type Given = Readonly<Record<string, unknown>>

const numbers = (
  given: Given,
  name: string,
  otherwise: readonly number[],
  fits: (n: number) => boolean,
  what: string,
) => {
  const value = given[name] ?? otherwise
  const good = Array.isArray(value) && value.every((n) => typeof n === 'number' && fits(n))
  return good ? (value as number[]) : refuse(`${name} must be a list of ${what}`)
}

const tokens = (given: Given, name: string) =>
  numbers(given, name, [], (n) => Number.isInteger(n) && n >= 0 && n < vocabulary, `token ids below ${vocabulary}`)

const oneOf = <const T extends string>(given: Given, name: string, allowed: readonly T[], otherwise?: T): T =>
  allowed.find((value) => value === (given[name] ?? otherwise)) ??
  refuse(`${name} must be one of ${allowed.join(', ')}`)

const wantedOf = (given: Given, path: readonly number[]): number[][] => {
  if (given['gain_wanted'] === undefined && given['gain_counts'] === undefined) return path.map((token) => [token])
  const wanted = tokens(given, 'gain_wanted')
  const counts = numbers(given, 'gain_counts', [], (n) => Number.isInteger(n) && n >= 1, 'whole numbers from 1')
  if (counts.length !== path.length) refuse('gain_counts must have one count for each token of gain_path')
  const ends = counts.map((_, i) => counts.slice(0, i + 1).reduce((sum, n) => sum + n, 0))
  if (ends.at(-1) !== wanted.length) refuse('gain_counts must add up to the length of gain_wanted')
  return ends.map((end, i) => wanted.slice(end - counts[i]!, end))
}

const alphasOf = (given: Given) => {
  const alphas = numbers(given, 'gain_alphas', [0.5], (a) => Number.isFinite(a) && a >= 0, 'numbers from 0')
  return alphas.length >= 1 && alphas.length <= 16 ? alphas : refuse('gain_alphas must have 1 to 16 values')
}

/** Values of one wanted token. */
const valuesEach = ({ op, form, alphas }: Pick<Gain, 'op' | 'form' | 'alphas'>) =>
  op === 'store' ? 1 : form === 'difference' ? 2 : 1 + alphas.length

/** What a request wants of the plugin; undefined when it wants nothing. @throws Malformed */
export const gainOf = (given: Given, maxTokens: number): Gain | undefined => {
  const unknown = Object.keys(given).find((name) => name.startsWith('gain_') && !names.includes(name))
  if (unknown) refuse(`${unknown} is not known; known are ${names.join(', ')}`)
  if (given['gain_op'] === undefined) return undefined
  const op = oneOf(given, 'gain_op', ['store', 'use', 'describe'])
  const path = tokens(given, 'gain_path')
  if (path.length === 0) refuse('gain_path must have at least one token')
  if (path.length !== maxTokens) refuse(`max_tokens is ${maxTokens}, but gain_path has ${path.length} tokens`)
  const key = given['gain_key'] ?? (op === 'describe' ? '-' : '')
  if (typeof key !== 'string' || key.length < 1 || key.length > 200)
    return refuse('gain_key must have 1 to 200 characters')
  const form = oneOf(given, 'gain_form', ['paper', 'difference'], 'paper')
  const gain = { op, key, path, form, prefix: tokens(given, 'gain_prefix'), alphas: alphasOf(given) }
  const wanted = wantedOf(given, path)
  const largest = Math.max(...wanted.map((some) => some.length)) * valuesEach(gain)
  if (largest > most) refuse(`a step has ${largest} values, at most ${most} leave`)
  return { ...gain, wanted }
}

/** Values in the places of the tokens 0, 1, 2 … without the forced one; as 32-bit floats, like a tensor. */
const carried = (values: readonly number[], forced: number): Map<number, number> => {
  const step = new Map([[forced, 0]])
  const carriers = Array.from({ length: values.length + 1 }, (_, token) => token).filter((token) => token !== forced)
  values.forEach((value, i) => step.set(carriers[i]!, Math.fround(Math.max(value, lowest) - shift)))
  return step
}

const describing = (text: Buffer, path: readonly number[]) =>
  path.map((forced, s) => {
    const values = Array.from({ length: chunk }, (_, i) => text[s * chunk + i])
    return carried(
      values.map((byte) => (byte === undefined ? absent : 0 - byte)),
      forced,
    )
  })

export interface PluginOptions {
  readonly seed: number
  /** Bytes of rows that are kept, the least recently used out first. */
  readonly limit: number
  readonly about: Readonly<Record<string, string | number>>
}

export const plugin = ({ seed, limit, about }: PluginOptions) => {
  const rows = new Map<string, Float32Array>()
  const rowBytes = vocabulary * Float32Array.BYTES_PER_ELEMENT
  let [evicted, missing] = [0, 0]
  const keep = (address: string, row: Float32Array) => {
    rows.delete(address)
    rows.set(address, row)
    for (const oldest of rows.keys()) {
      if (rows.size * rowBytes <= limit) return
      rows.delete(oldest)
      evicted++
    }
  }
  const found = (address: string) => {
    const row = rows.get(address)
    if (row) keep(address, row)
    else missing++
    return row
  }
  const said = ({ alphas, form }: Gain, row: Float32Array, base: Float32Array, wanted: readonly number[]) => {
    const lists = form === 'difference' ? [differing(row, base)] : alphas.map((alpha) => contrasted(row, base, alpha))
    return wanted.flatMap((token) => [row[token]!, ...lists.map((list) => list[token]!)])
  }
  const description = () =>
    JSON.stringify({ ...about, rows: rows.size, bytes: rows.size * rowBytes, limit, evicted, missing })
  return {
    /** Per step: the log-probabilities that leave, by token; every other one is −∞. */
    steps(gain: Gain, prompt: readonly number[]): ReadonlyMap<number, number>[] {
      const { op, key, path, prefix, wanted } = gain
      if (op === 'describe') return describing(Buffer.from(description()), path)
      return path.map((forced, s) => {
        const row = rowAfter(seed, [...prompt, ...path.slice(0, s)])
        const address = JSON.stringify([key, ...prefix, ...path.slice(0, s)])
        if (op === 'store') {
          keep(address, row)
          return carried(
            wanted[s]!.map((token) => row[token]!),
            forced,
          )
        }
        const base = found(address)
        return carried(base ? said(gain, row, base, wanted[s]!) : [], forced)
      })
    },
    forget: () => rows.clear(),
    get rows() {
      return rows.size
    },
  }
}
