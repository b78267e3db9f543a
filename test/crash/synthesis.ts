/** Real runs of `synthesize`, disturbed in every way, against one that nobody disturbed. */
import { rmSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { settledOf, type Computed } from './computed.ts'
import { countsOf, reach, totalsOff, within, type Count } from './audit.ts'
import { copied, demoFiles, type Scratch } from './material.ts'
import { run, start, type Ended, type Running } from './tool.ts'

/** One thread: where more threads than free cores evaluate a model together, each waits for the one that does not run. */
const threads = ['--set', 'reader.threads=1', '--set', 'encoder.threads=1']
const settings = [...threads, '--set', 'imagine.tokens=24', '--set', 'retrieve.k=3', '--set', 'distil.filter=boundary']

export interface Stage {
  /** The name of the run that every folder gets. */
  readonly run: string
  /** Keys of all its queries. */
  readonly keys: ReadonlySet<string>
  /** Exported samples by key, without what they cost. */
  readonly samples: ReadonlyMap<string, unknown>
  /** How long the undisturbed run took. */
  readonly seconds: number
  /** What it computed. */
  readonly computed: readonly Computed[]
  /** A data folder in which the corpus is indexed and nothing else was done. */
  fresh(name: string): string
  /** Starts the command that is disturbed, always the same. */
  synthesize(folder: string): Running
}

const inFolder = (folder: string) => ['--data', folder, ...settings, '--log', 'debug']

/** Without usage: how long a call took and what a cache answered is another matter from time to time. */
const comparable = ({ usage: _usage, ...sample }: Record<string, unknown>) => sample

/** `export samples`, by key. @throws Error when a key comes twice */
export const exported = async (folder: string, name: string): Promise<Map<string, unknown>> => {
  const { out } = await run(['export', 'samples', '--format', 'jsonl', '--run', name, ...inFolder(folder)])
  const found = new Map<string, unknown>()
  for (const line of out.trimEnd().split('\n')) {
    const sample = JSON.parse(line) as Record<string, unknown> & { run: string; query: { id: string } }
    const key = `${sample.run}/${sample.query.id}`
    if (found.has(key)) throw new Error(`${key} was exported twice`)
    found.set(key, comparable(sample))
  }
  return found
}

/** Indexes a slice of the demo's corpus, and synthesizes some of its queries undisturbed. */
export const prepare = async (to: Scratch, sizes: { passages: number; queries: number }): Promise<Stage> => {
  const files = demoFiles(to, sizes)
  const [base, calm] = [to.path('base'), to.path('undisturbed')]
  await run(['index', files.passages, ...inFolder(base)])
  const fresh = (name: string) => copied(base, to.path(name))
  const synthesize = (folder: string) => start(['synthesize', files.queries, '--json', ...inFolder(folder)])
  fresh('undisturbed')
  const undisturbed = await synthesize(calm).ended
  if (undisturbed.code !== 0) throw new Error(`the undisturbed run failed: ${undisturbed.err}`)
  const { run: name } = JSON.parse(undisturbed.out) as { run: string }
  const samples = await exported(calm, name)
  if (samples.size !== sizes.queries) throw new Error(`${samples.size} samples of ${sizes.queries} queries`)
  const computed = settledOf([undisturbed])
  return {
    run: name,
    keys: new Set(samples.keys()),
    samples,
    seconds: undisturbed.seconds,
    computed,
    fresh,
    synthesize,
  }
}

export interface Verdict {
  readonly counts: readonly Count[]
  /** Keys whose exported sample is not that of the undisturbed run. */
  readonly different: readonly string[]
  /** Sentences about totals that are not what the records say. */
  readonly totals: readonly string[]
}

const recounted = async (folder: string, name: string, queries: number): Promise<string[]> => {
  const { out } = await run(['runs', '--recount', '--json', ...inFolder(folder)])
  interface Row {
    readonly run: string
    readonly [field: string]: unknown
    readonly recount: { readonly outcomes: unknown; readonly rejected: number }
  }
  const row = (JSON.parse(out) as Row[]).find((each) => each.run === name)
  if (!row) return [`runs does not list ${name}`]
  const { outcomes, rejected, complete, done, count, recount } = row
  const right =
    isDeepStrictEqual({ outcomes, rejected }, recount) && complete === true && done === queries && count === queries
  return right ? [] : [`runs --recount: ${JSON.stringify(row)}`]
}

/** What a folder holds after all disturbances, against the undisturbed run. */
export const judge = async ({ run: name, keys, samples }: Stage, folder: string): Promise<Verdict> => {
  const found = await exported(folder, name)
  const different = [...new Set([...samples.keys(), ...found.keys()])].filter(
    (key) => !isDeepStrictEqual(samples.get(key), found.get(key)),
  )
  const again = await recounted(folder, name, keys.size)
  return within(folder, async (world) => ({
    counts: await countsOf(world, keys),
    different,
    totals: [...again, ...(await totalsOff(world, name, keys.size))],
  }))
}

export const clean: Pick<Verdict, 'different' | 'totals'> & { readonly lost: number; readonly doubled: number } = {
  lost: 0,
  doubled: 0,
  different: [],
  totals: [],
}

/** A verdict as figures: `toEqual(clean)` when nothing went wrong. */
export const figures = ({ counts, different, totals }: Verdict) => ({
  lost: counts.reduce((sum, { lost }) => sum + lost.length, 0),
  doubled: counts.reduce((sum, { doubled, foreign }) => sum + doubled.length + foreign.length, 0),
  different,
  totals,
})

export const forgetScores = (folder: string): void => {
  for (const end of ['', '-wal', '-shm']) rmSync(`${folder}/scores.sqlite${end}`, { force: true })
}

/** How far a folder has come. */
export const progressOf = (folder: string): Promise<string> => within(folder, reach)

/** The sentence with which the tool ended, and nothing that looks like a stack. */
export const lastWords = ({ err }: Ended): string[] =>
  err.split('\n').filter((line) => /^gainstream:|^ +at /.test(line))
