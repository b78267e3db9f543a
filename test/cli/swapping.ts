/** Queries that flow while selectors come and go: what each context says of who chose it. */
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { writeSelector } from '../../adapters/selectors/index.ts'
import { uriOf } from '../../adapters/artifact-source.ts'
import { openRun } from '../../cli/runs.ts'
import { openChoosing } from '../../cli/selectors.ts'
import type { Version } from '../../cli/selectors/entries.ts'
import { sourceOf } from '../../cli/streams.ts'
import { work } from '../../cli/work.ts'
import { enter } from '../../runtime/source.ts'
import { pause } from '../../runtime/wait.ts'
import type { Context } from '../../schemas/context.ts'
import { candidates, contexts } from '../../topics/index.ts'
import { candidate } from '../method/candidate.ts'
import { folder } from './command.ts'
import type { TestStream } from './stream.ts'

const passages = Array.from({ length: 10 }, (_, i) =>
  candidate(`p${i}`, i + 1, { text: `passage ${'word '.repeat(20 - i)}`, dense_rank: 10 - i, dense_score: i / 10 }),
)

export type Made = Version & { readonly path: string }

/** A folder of light selectors, and how to spoil one after it was promised. */
export const selectorFolders = () => {
  const { path, remove } = folder()
  onTestFinished(remove)
  return {
    make: async (name: string, weight: number, min_score: number | null = null): Promise<Made> => {
      const linear = { features: ['length', 'dense_place'], mean: [0, 0], scale: [1, 1], weights: [weight, 1] }
      const settings = { name, encoder: null, linear, min_score, trained: null }
      const made = await writeSelector(join(path, name), settings, { 'notes.txt': Buffer.from(name) })
      return { ...made.identity, uri: uriOf(made.path), path: made.path }
    },
    spoil: (made: { path: string }) => writeFileSync(join(made.path, 'notes.txt'), 'somebody wrote over it'),
  }
}

/** The stage `select` at work on a stream, fed by hand. */
export const selecting = async ({ world, signal }: TestStream) => {
  const alarms: string[] = []
  const said = (_fields: object, message: string) => void alarms.push(message)
  const observe = { ...world.observe, logger: { ...world.observe.logger, error: said } }
  const stop = new AbortController()
  const choosing = openChoosing({ ...world, observe }, signal)
  const over = choosing.then(() =>
    work(
      { ...world, choosing: () => choosing },
      { stages: ['select'], what: 'selecting', untilEmpty: false },
      stop.signal,
    ),
  )
  over.catch(() => {})
  let fed = 0
  const feed = async (run: string, ids: readonly string[]) => {
    const items = ids.map((id, i) => {
      const query = { id, question: `What is ${id}?`, answers: ['word'], dataset: '', lang: 'en', gold_passage_ids: [] }
      return { message: candidates.message({ run, asked_at: 0, query, passages }, { run }), position: i + 1 }
    })
    await enter(sourceOf(world, `feed/${run}/${fed++}`, 'test', signal), () => items)
  }
  const read = async (): Promise<Context[]> => {
    const found: Context[] = []
    for await (const { value } of world.log.read(world.names.topic(contexts)))
      if (value) found.push(await world.codec.decode(contexts, value))
    return found
  }
  /** @throws Error when it does not come to it within half a minute */
  const until = async (holds: (found: Context[]) => boolean, meanwhile: () => Promise<void> = async () => {}) => {
    for (const late = Date.now() + 30_000; ; await pause(50)) {
      if (holds(await read())) return
      await meanwhile()
      if (Date.now() > late) throw new Error('it has not come to that within 30 s')
    }
  }
  return {
    ...{ alarms, feed, read, until, ready: choosing },
    open: (run: string) => openRun(world, { run, topology: 'answering', source: '' }, signal),
    async end() {
      stop.abort()
      await over
      await (await choosing).close()
    },
  }
}
export type SelectingStage = Awaited<ReturnType<typeof selecting>>
