/** A real log and the real stages, run to their end in process; only the models behind the ports are doubles. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { guardedReader } from '../../adapters/guarded.ts'
import { retrievalOrder } from '../../adapters/selectors.ts'
import { readConfig } from '../../cli/config.ts'
import { clear } from '../../cli/demo.ts'
import { bring, passageFile, queryFile, type Import } from '../../cli/import.ts'
import { recount } from '../../cli/recount.ts'
import { readRejects, retry } from '../../cli/rejects.ts'
import { runState } from '../../cli/runs.ts'
import { openStream, sourceOf } from '../../cli/streams.ts'
import { openWorld, type World } from '../../cli/world.ts'
import type { Embedder, PassageStore, Reader, Retriever, Scorer } from '../../method/ports.ts'
import { answering } from '../../method/prompt.ts'
import { distil, evaluate, generate, imagine, index, label, retrieve, select } from '../../processors/index.ts'
import { endpoint } from '../../runtime/endpoint.ts'
import { bind, engine, type Bound } from '../../runtime/engine.ts'
import { Rejected } from '../../runtime/errors.ts'
import type { Observe } from '../../runtime/observe.ts'
import { enter } from '../../runtime/source.ts'
import type { Message } from '../../runtime/topic.ts'
import type { RunEntry } from '../../schemas/control.ts'
import type { Candidate } from '../../schemas/passage.ts'
import { queries, rejects, totals } from '../../topics/index.ts'
import { folder } from './command.ts'

const usage = { calls: 1, prompt_tokens: 10, output_tokens: 2, cache_hits: 0, seconds: 0.25 }
const identity = { model: 'double', revision: '1', dtype: 'none', server: 'none', runner: '', plugin: '', prompt: null }

/** Cannot score a question about what is broken, until somebody mends it. */
const scorerOf = (state: { broken: boolean }): Scorer => ({
  ...{ identity, exact: true },
  async score({ question, answers, passages }) {
    if (state.broken && question.includes('broken')) throw new Rejected('the scorer is broken')
    const one = (value: number) => ({ plain: [value], contrast: [[value]] })
    const scored = passages.map((_, i) => ({ cut: 0, answers: answers.map(() => one(-1 - i)) }))
    return { base: answers.map(() => [-2]), passages: scored, usage }
  },
})

/** Knows that the answer is Paris; what is hard it cannot answer, and what is unspeakable it refuses until mended. */
const readerOf = (state: { broken: boolean }): Reader => ({
  identity,
  async answer({ question }) {
    if (state.broken && question.includes('unspeakable')) throw new Rejected('the reader is broken')
    return { text: question.includes('hard') ? 'no idea' : 'Paris', usage, cut: null }
  },
  imagine: async () => ({ text: 'N/A', usage, cut: null }),
})

const candidate = (i: number): Candidate => ({
  ...{ id: `p${i}`, title: '', text: `passage ${i} says something else`, source: 'retrieved', rank: i, score: 1 / i },
  ...{ dense_rank: null, dense_score: null, sparse_rank: null, sparse_score: null, given_score: null },
  ...{ same_as: [], twin_of: null, not_available: false },
})

const retriever: Retriever = { retrieve: async (_question, k) => [1, 2, 3].slice(0, k).map(candidate) }

const embedder: Embedder = {
  identity: { model: 'double', revision: '1', dimension: 1, pooling: 'mean', normalised: false },
  embed: async (texts) => texts.map(() => Float32Array.of(1)),
  close: async () => {},
}
const store: PassageStore = {
  name: 'nowhere',
  upsert: async () => {},
  remove: async () => {},
  near: async () => [],
  match: async () => [],
  count: async () => 0,
  close: async () => {},
}

const stages = (state: { broken: boolean }, observe: Observe): Record<string, readonly Bound[]> => {
  const prompt = () => answering
  const model = endpoint({ name: 'reader', concurrency: { start: 4, max: 4 }, timeout: 30_000, observe })
  const reader = guardedReader(model, readerOf(state))
  const limits = { prompt, passageTokens: 64, answerTokens: 8 }
  const finding = [
    bind(imagine, { imagines: false, reader, prompt: answering, maxTokens: 8 }),
    bind(retrieve, { retriever, k: 3, notAvailable: 'drop' }),
  ]
  const labelling = { scorer: scorerOf(state), alpha: 0.5, prompt, passageTokens: 64, maxGolds: 8 }
  const distilling = { reader, filter: 'boundary', measure: 'contrastive', dropTwins: false, ...limits } as const
  return {
    indexing: [bind(index, { embedder, stores: async () => [store] })],
    synthesis: [
      ...finding,
      bind(label, { ...labelling, exactGolds: false, settings: 'test' }),
      bind(distil, distilling),
    ],
    answering: [
      ...finding,
      bind(select, { inForce: () => ({ selector: retrievalOrder }), keep: 1, abstain: false }),
      bind(generate, { reader, passages: 1, now: Date.now, ...limits }, { endpoints: [model] }),
      bind(evaluate, {}),
    ],
  }
}

export interface Asked {
  readonly id: string
  readonly question?: string
  readonly answers?: readonly string[]
}

/** A stream in a folder of its own. `set`: settings as on the command line. */
export const openTestStream = async (...set: string[]) => {
  const here = folder()
  const { signal } = new AbortController()
  const screen = { tty: false, write() {} }
  const io = { env: {}, out() {}, screen, signal }
  const config = readConfig({ env: {}, set, flags: { data: join(here.path, 'data'), partitions: 3 } })
  const world: World = await openStream(await openWorld(config, screen, {}, { create: true }), signal)
  const state = { broken: true }
  const made = stages(state, world.observe)

  const file = (name: string, records: readonly object[]) => {
    const path = join(here.path, name)
    writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
    return path
  }

  return {
    ...{ world, signal },
    stages: (topology: string): readonly Bound[] => made[topology]!,
    /** From now on the scorer scores everything. */
    mend: () => (state.broken = false),

    /** A file of queries into a run, as the commands do it. */
    async enter(
      name: string,
      asked: readonly Asked[],
      run?: string,
      topology: Import<unknown>['topology'] = 'synthesis',
    ) {
      const all = asked.map(({ question = 'easy?', answers = ['Paris'], ...query }) => ({
        ...query,
        question,
        answers,
      }))
      return bring(world, io, { path: file(name, all), kind: queryFile(undefined), run, topology })
    },
    passages: (name: string, corpus: readonly object[], run: string) =>
      bring(world, io, { path: file(name, corpus), kind: passageFile, run, topology: 'indexing' }),

    /** Messages by somebody who knows nothing of files, as often as he likes. */
    async produce(...messages: Message[]) {
      const options = sourceOf(world, `foreign/${Math.random()}`, 'foreign', signal)
      return enter(options, () => messages.map((message, i) => ({ message, position: i + 1 })))
    },
    asked: (run: string, { id, question = 'easy?', answers = ['Paris'] }: Asked): Message =>
      queries.message(
        {
          ...{ run, asked_at: 0 },
          query: { id, question, answers: [...answers], dataset: '', lang: 'en', gold_passage_ids: [] },
        },
        { run },
      ),

    /** Works until nothing is left. */
    async work(topology = 'synthesis') {
      const { log, codec, names, now, observe, tables } = world
      const running = await engine({
        ...{ log, codec, names, now, observe, rejects, totals, stages: made[topology]! },
        ...{ partitions: 3, table: tables.totals },
      })
      await running.untilEmpty(signal).finally(() => running.stop())
    },

    /** What the totals say, and what the topics hold. */
    async figures(entry: Pick<RunEntry, 'run' | 'topology' | 'count'>) {
      const { outcomes, rejected, done, complete } = await runState(world, entry)
      return { totals: { outcomes, rejected }, recount: await recount(world, entry), done, complete }
    },
    open: async () => (await readRejects(world)).filter(({ resolved }) => !resolved),
    async retryAll() {
      const given = await readRejects(world)
      let sent = 0
      for (const reject of given.filter(({ resolved }) => !resolved)) if (await retry(world, reject, signal)) sent++
      return sent
    },
    async close() {
      await clear(world)
      await world.close()
      here.remove()
    },
  }
}
/** The same on the broker and the registry of the tests, under a prefix of its own. */
export const openKafkaStream = (...set: string[]) => {
  const { GAINSTREAM_TEST_BROKERS: brokers = '', GAINSTREAM_TEST_REGISTRY: registry = '' } = process.env
  const servers = [`kafka.brokers=${brokers}`, `registry.url=${registry}`]
  return openTestStream('engine=kafka', `prefix=t${randomUUID().slice(0, 8)}`, ...servers, ...set)
}

export type TestStream = Awaited<ReturnType<typeof openTestStream>>
