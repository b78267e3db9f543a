/** kill -9 of importers: every record of the file exactly once, and the same file given again adds nothing. */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { runEntry, runState } from '../../cli/runs.ts'
import { passages, queries } from '../../topics/index.ts'
import { counted, keysIn, within } from './audit.ts'
import { storm, type Blow, type Storm, type Trial } from './blows.ts'
import { generatedPassages, generatedQueries, writeJsonLines, type Scratch } from './material.ts'
import { eventually, run, start, type Running } from './tool.ts'

export interface Importing {
  readonly kills: number
  readonly seed: number
  readonly records: number
  say?(this: void, line: string): void
}

const importer = join(import.meta.dirname, 'importer.ts')

interface Parts extends Pick<Storm, 'begun' | 'within'> {
  readonly begin: (folder: string) => Running
  /** What stands there after a kill. */
  readonly reached: (folder: string) => Promise<string>
}

/** Kills `begin` in folders below `to`. */
const disturbed = (
  to: Scratch,
  name: string,
  { kills, seed, say }: Importing,
  { begin, reached, ...moments }: Parts,
): Promise<Trial[]> => {
  const onKill = async ({ number, trial, seconds }: Blow, folder: string) =>
    say?.(`kill ${number} (trial ${trial}) after ${seconds.toFixed(2)} s: ${await reached(folder)}`)
  const fresh = (trial: number) => {
    mkdirSync(to.path(`${name}-${trial}`))
    return to.path(`${name}-${trial}`)
  }
  return storm({ kills, seed, ...moments, fresh, start: begin, onKill })
}

export interface Imported {
  readonly kills: number
  readonly trials: number
  readonly lost: number
  readonly doubled: number
  /** Sentences about everything else that is not as it should be. */
  readonly wrong: readonly string[]
}

const summed = (kills: number, found: readonly Omit<Imported, 'kills' | 'trials'>[]): Imported => ({
  ...{ kills, trials: found.length },
  lost: found.reduce((n, { lost }) => n + lost, 0),
  doubled: found.reduce((n, { doubled }) => n + doubled, 0),
  wrong: found.flatMap(({ wrong }) => wrong),
})

const records = async (folder: string, topic: typeof queries | typeof passages) =>
  within(folder, async (world) => [...(await keysIn(world, topic)).values()].reduce((sum, n) => sum + n, 0))

/** Queries in the log against the file, by key and content; the run closed with their number. */
const judgeQueries = async (folder: string, asked: ReturnType<typeof generatedQueries>) =>
  within(folder, async (world) => {
    const { log, codec, names } = world
    const wrong: string[] = []
    const wanted = new Map(asked.map(({ id, question, answers }) => [`imported/${id}`, { question, answers }]))
    const { lost, doubled, foreign } = counted('queries', await keysIn(world, queries), new Set(wanted.keys()))
    for await (const { key, value } of log.read(names.topic(queries))) {
      const { question, answers } = (await codec.decode(queries, value!)).query
      if (!isDeepStrictEqual({ question, answers }, wanted.get(String(key)))) wrong.push(`${String(key)} differs`)
    }
    const entry = await runEntry(world, 'imported')
    if (entry?.state !== 'closed' || entry.count !== asked.length) wrong.push(`the run is ${JSON.stringify(entry)}`)
    return { lost: lost.length, doubled: doubled.length + foreign.length, wrong }
  })

/** Until the first records are in the log. */
const entering = (running: Running) =>
  eventually('the first records', 60_000, () => running.said().includes('entering') || undefined, running)

/** Kills the importer of a file of queries while it enters them, with no stage running. */
export const killQueries = async (to: Scratch, importing: Importing): Promise<Imported> => {
  const asked = generatedQueries(importing.records)
  const file = writeJsonLines(to.path('many-queries.jsonl'), asked)
  mkdirSync(to.path('queries-calm'))
  const calm = start([to.path('queries-calm'), file], importer)
  await entering(calm)
  const began = performance.now()
  await calm.ended
  const trials = await disturbed(to, 'queries', importing, {
    begun: entering,
    within: (performance.now() - began) / 2,
    begin: (folder) => start([folder, file], importer),
    reached: async (folder) => `${await records(folder, queries)} queries entered`,
  })
  const found = []
  for (const { folder } of trials) {
    await run([folder, file], importer) // the same file once more
    found.push(await judgeQueries(folder, asked))
  }
  return summed(importing.kills, found)
}

interface Row {
  readonly id: string
  readonly title: string
  readonly text: string
  readonly vector: Uint8Array
}

/** The rows of a store as they lie in its file, and its newest change. */
const stored = (folder: string) => {
  const place = join(folder, 'passages', 'gainstream_passages')
  const [file = ''] = readdirSync(place).filter((name) => /__.*\.sqlite$/.test(name))
  const store = new DatabaseSync(join(place, file), { readOnly: true })
  try {
    const rows = store.prepare('SELECT id, title, text, vector FROM passages ORDER BY id').all() as unknown as Row[]
    return { rows, newest: store.prepare('SELECT max(change) AS n FROM passages').get()?.['n'] }
  } finally {
    store.close()
  }
}

const vectorOf = ({ vector }: Row) => new Float32Array(Uint8Array.from(vector).buffer)

/** The vector is the undisturbed one but for how texts were batched: within a millionth of its length. */
const alike = (a: Row, b: Row): boolean => {
  const [one, other] = [vectorOf(a), vectorOf(b)]
  const squares = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value * value, 0)
  const apart = squares(one.map((value, i) => value - (other[i] ?? Number.NaN)))
  return Math.sqrt(apart) <= 1e-6 * Math.sqrt(squares(other))
}

const judgeStore = (folder: string, calm: string, file: ReturnType<typeof generatedPassages>): string[] => {
  const { rows } = stored(folder)
  const undisturbed = new Map(stored(calm).rows.map((row) => [row.id, row]))
  const text = (row: { id: string; title: string; text: string }) => `${row.id}\n${row.title}\n${row.text}`
  const same = isDeepStrictEqual(new Set(rows.map(text)), new Set(file.map(text))) && rows.length === file.length
  const vectors = rows.filter((row) => !alike(row, undisturbed.get(row.id) ?? row)).map(({ id }) => id)
  return [
    ...(same ? [] : [`the store holds ${rows.length} passages that are not those of the file`]),
    ...(vectors.length === 0 ? [] : [`${vectors.length} vectors differ, e.g. that of ${vectors[0]}`]),
  ]
}

const judgePassages = (folder: string, name: string, file: ReturnType<typeof generatedPassages>) =>
  within(folder, async (world) => {
    const keys = new Set(file.map(({ id }) => id))
    const { lost, doubled, foreign } = counted('passages', await keysIn(world, passages), keys)
    const entry = await runEntry(world, name)
    const state = entry && (await runState(world, entry))
    const right = state?.complete && state.rejected === 0 && isDeepStrictEqual(state.outcomes, { indexed: file.length })
    const wrong = right ? [] : [`totals say ${JSON.stringify(state)}`]
    return { lost: lost.length, doubled: doubled.length + foreign.length, wrong }
  })

/** Passages that the totals count. */
const indexed = (folder: string) =>
  within(folder, async (world) => {
    const entry = await runEntry(world, 'indexed')
    return entry ? ((await runState(world, entry)).outcomes['indexed'] ?? 0) : 0
  })

/** Kills `index`: in the import, while the encoder is loaded, and while it embeds. */
export const killIndex = async (to: Scratch, importing: Importing): Promise<Imported> => {
  const file = generatedPassages(importing.records)
  const path = writeJsonLines(to.path('many-passages.jsonl'), file)
  const args = (folder: string) => ['index', path, '--run', 'indexed', '--data', folder, '--json']
  const calm = to.path('index-calm')
  const { seconds } = await run(args(calm))
  const trials = await disturbed(to, 'index', importing, {
    within: seconds * 500,
    begin: (folder) => start(args(folder)),
    reached: async (folder) => `${await records(folder, passages)} passages entered, ${await indexed(folder)} indexed`,
  })
  const found = []
  for (const { folder } of trials) {
    const before = stored(folder).newest
    await run(args(folder)) // the same file once more
    const { wrong, ...counts } = await judgePassages(folder, 'indexed', file)
    const rewritten = stored(folder).newest === before ? [] : ['the same file again was embedded again']
    found.push({ ...counts, wrong: [...wrong, ...judgeStore(folder, calm, file), ...rewritten] })
  }
  return summed(importing.kills, found)
}
