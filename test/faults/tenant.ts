/** A stream that the tool itself works on: answers that wait to be graded, which needs no model. */
import { join } from 'node:path'
import { readConfig } from '../../cli/config.ts'
import { closeRun, openRun } from '../../cli/runs.ts'
import { openStream, sourceOf } from '../../cli/streams.ts'
import { openWorld, type World } from '../../cli/world.ts'
import type { Outgoing } from '../../runtime/log.ts'
import { enter, type Item } from '../../runtime/source.ts'
import { names } from '../../runtime/topic.ts'
import type { Answer } from '../../schemas/answer.ts'
import { answers } from '../../topics/index.ts'
import { opened, settledOnce } from '../conformance/tools.ts'
import { onlyOf, type Servers } from './servers.ts'

export const asked = 'asked'

const quiet = { tty: false, write: () => {} }
const never = new AbortController().signal

export interface Tenant {
  readonly servers: Servers
  readonly prefix: string
  /** What a command must be told to find these servers. */
  readonly flags: Readonly<Record<string, string>>
}

export const tenant = (servers: Servers, prefix: string, folder: string): Tenant => ({
  ...{ servers, prefix },
  flags: {
    engine: 'kafka',
    'kafka.brokers': servers.brokers.join(','),
    'registry.url': servers.registry.url,
    data: join(folder, 'data'),
    prefix,
  },
})

/** The same on a command line. */
export const argumentsFor = ({ flags }: Tenant, stream: string): string[] => [
  ...['--stream', stream],
  ...Object.entries(flags).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
]

export const within = async <T>({ flags }: Tenant, stream: string, use: (world: World) => Promise<T>): Promise<T> => {
  const world = await openWorld(readConfig({ env: {}, flags: { ...flags, stream } }), quiet, {}, { create: true })
  try {
    return await use(world)
  } finally {
    await world.close()
  }
}

/** Where the readers of `audit.ts` look. */
export const looking = ({ servers, prefix }: Tenant, { log }: World, stream: string) => ({
  places: { log, brokers: servers.brokers, node: onlyOf(servers) },
  named: names(prefix, stream),
})

const answerTo = (id: string): Answer => ({
  context: {
    ...{
      run: asked,
      asked_at: 1,
      kept: [],
      scored: [],
      selector: { name: 'none', sha256: '' },
      abstained: false,
      shadow: null,
    },
    query: { id, question: `What is ${id}?`, answers: [id], dataset: '', lang: 'en', gold_passage_ids: [] },
  },
  ...{ prediction: id, passages: 0, answered_at: 2, cut: null },
  reader: { model: 'none', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null },
  usage: { calls: 0, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, seconds: 0 },
})

/** A closed run of answers; `extra` more are announced with it. */
export const answered = (of: Tenant, stream: string, ids: readonly string[], extra = 0): Promise<void> =>
  within(of, stream, async (closed) => {
    const world = await openStream(closed, never)
    const entry = await openRun(world, { run: asked, topology: 'answering', source: '' }, never)
    const items = function* (from: number): Generator<Item> {
      for (const [at, id] of ids.entries())
        if (at >= from) yield { message: answers.message(answerTo(id), { run: asked }), position: at + 1 }
    }
    await enter(sourceOf(world, 'seed', 'seed', never), items)
    await closeRun(world, entry, ids.length + extra, never)
  })

/** Answers of a schema that nobody has registered, as any client may write them. */
export const unreadable = (of: Tenant, stream: string, ids: readonly string[]): Promise<void> =>
  within(of, stream, async ({ log, names: named }) => {
    const seat = log.source(named.group('ingest'), 'strangers')
    await opened(seat)
    const value = Buffer.alloc(9)
    value.writeInt32BE(987_654_321, 1)
    const records = ids.map((id, at): Outgoing => ({
      ...{ topic: named.topic(answers), partition: at % 6, headers: { run: asked }, timestamp: Date.now() },
      ...{ key: Buffer.from(`${asked}/${id}`), value },
    }))
    if (!(await settledOnce(seat, { records, settled: { position: 1, note: '' } }))) throw new Error('fenced')
    await seat.close()
  })
