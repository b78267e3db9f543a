/** What the crashes happen to: a slice of the demo's corpus and queries, and generated files of any size. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const demo = join(import.meta.dirname, '..', '..', 'demo')

/** A folder of its own, with names in it. */
export const scratch = () => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-crash-'))
  return {
    path: (name: string) => join(folder, name),
    drop: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}
export type Scratch = ReturnType<typeof scratch>

const slice = (name: string, from: number, to: number) =>
  `${readFileSync(join(demo, name), 'utf8').trimEnd().split('\n').slice(from, to).join('\n')}\n`

/** Some passages and queries of the demo, written beside each other. */
export const demoFiles = (to: Scratch, sizes: { passages: number; queries: number }) => {
  const files = { passages: to.path('passages.jsonl'), queries: to.path('queries.jsonl') }
  writeFileSync(files.passages, slice('passages.jsonl', 0, sizes.passages))
  writeFileSync(files.queries, slice('queries.jsonl', 0, sizes.queries))
  return files
}

const words = 'river bridge tower lamp orchard winter signal copper harbour ladder meadow compass engine glass'.split(
  ' ',
)

/** Twelve words that differ from passage to passage. */
const sentenceOf = (n: number) =>
  Array.from({ length: 12 }, (_, i) => words[(n * (i + 3) + (n >> i)) % words.length]).join(' ')

export const generatedPassages = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `g${n}`, title: `Thing ${n}`, text: `${sentenceOf(n)} ${n}` }))

export const generatedQueries = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    id: `q${n}`,
    question: `What is ${sentenceOf(n)} number ${n}?`,
    answers: [`${n}`],
  }))

export const writeJsonLines = (path: string, records: readonly object[]): string => {
  writeFileSync(path, `${records.map((record) => JSON.stringify(record)).join('\n')}\n`)
  return path
}

/** A data folder as another one is now. */
export const copied = (from: string, to: string): string => {
  mkdirSync(to, { recursive: true })
  cpSync(from, to, { recursive: true })
  return to
}
