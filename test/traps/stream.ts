/**
 * A stream in a folder of its own, put together as the program does it: files, the SQLite log, the passage store and
 * every stage are real. Only the reader LLM and the encoder are five-line doubles, where a test does not open them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { openStores } from '../../cli/collections.ts'
import { readConfig } from '../../cli/config.ts'
import { bring, passageFile, queryFile } from '../../cli/import.ts'
import { guarded } from '../../cli/readers.ts'
import { recount } from '../../cli/recount.ts'
import { runState } from '../../cli/runs.ts'
import { openStream } from '../../cli/streams.ts'
import { work } from '../../cli/work.ts'
import { openWorld, type World } from '../../cli/world.ts'
import type { Embedder, Reader, Scorer, ScoreRequest } from '../../method/ports.ts'
import { stagesOfTopology, type Topology } from '../../processors/index.ts'
import type { Topic } from '../../runtime/topic.ts'
import type { Query } from '../../schemas/query.ts'

export const never = new AbortController().signal
const silent = { tty: false, write: () => {} }
const identity = { model: 'double', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null }
export const usage = { calls: 1, prompt_tokens: 10, output_tokens: 2, cache_hits: 0, seconds: 0.1 }

const encoder = { model: 'double', revision: '0', dimension: 2, pooling: 'mean', normalised: false } as const
const embedder: Embedder = {
  identity: encoder,
  embed: async (texts) => texts.map((text) => Float32Array.of(text.length, 1)),
  close: async () => {},
}

/** An answer costs half a nat a token where the passage holds it, and two where not. */
export const scorer = (unscored: (text: string) => boolean = () => false) => {
  const requests: ScoreRequest[] = []
  const port: Scorer = {
    ...{ identity, exact: true },
    async score(request) {
      requests.push(request)
      const { answers, passages } = request
      const nll = (text: string, gold: string) => (text.toLowerCase().includes(gold.toLowerCase()) ? 0.5 : 2)
      const figures = (text: string, gold: string) => ({ plain: [-nll(text, gold)], contrast: [[-nll(text, gold)]] })
      const scored = passages.map(({ text }) =>
        unscored(text)
          ? { unscored: 'the prompt is too long' }
          : { cut: 0, answers: answers.map((gold) => figures(text, gold)) },
      )
      return { base: answers.map(() => [-3]), passages: scored, usage }
    },
  }
  return { port, requests }
}

/** Answers with the title of the first passage; imagines always the same. */
export const reader = (imagined = 'N/A'): Reader => ({
  identity,
  answer: async ({ passages }) => ({ text: passages[0]?.title ?? 'unknown', usage, cut: null }),
  imagine: async () => ({ text: imagined, usage, cut: null }),
})

export interface StreamOptions {
  readonly set?: Readonly<Record<string, unknown>>
  readonly scorer?: Scorer
  readonly reader?: Reader
}

const dressed = (opened: World, { scorer: scores = scorer().port, reader: reads = reader() }: StreamOptions): World => {
  let stores: ReturnType<typeof openStores> | undefined
  const world: World = {
    ...opened,
    reader: async () => guarded({ scorer: scores, reader: reads }, opened.config, opened.observe),
    embedder: async () => embedder,
    stores: () => (stores ??= openStores(opened.config, encoder)),
    as: (config) => ({ ...dressed(opened.as(config), { scorer: scores, reader: reads }), stores: world.stores }),
    async close() {
      await (await stores)?.close()
      await opened.close()
    },
  }
  return world
}

const opened = async (options: StreamOptions): Promise<World> => {
  const data = mkdtempSync(join(tmpdir(), 'gainstream-trap-'))
  const flags = { data, partitions: 2, 'retrieve.mode': 'sparse', ...options.set }
  const world = dressed(await openWorld(readConfig({ env: {}, flags }), silent, {}), options)
  onTestFinished(async () => {
    await world.close()
    rmSync(data, { recursive: true })
  })
  return openStream(world, never)
}

/** A stream with these passages in its store. */
export const aStream = async (passages: readonly object[], options: StreamOptions = {}) => {
  const world = await opened(options)
  const io = { env: {}, out: () => {}, screen: silent, signal: never }
  const file = (name: string, lines: readonly object[]) => {
    const path = join(world.config.data, `${name}.jsonl`)
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    return path
  }
  const worked = (stages: readonly string[]) => work(world, { stages, what: 'working', untilEmpty: true }, never)
  await (await world.stores()).live(never) // there is a collection, be it empty
  if (passages.length > 0) {
    const path = file('passages', passages)
    await bring(world, io, { path, kind: passageFile, run: 'corpus', topology: 'indexing' })
    await worked(['index'])
  }
  return {
    world,
    worked,
    /** Brings queries in as a run and works until nothing is left; `stages` are those of the topology by default. */
    async run(topology: Topology, queries: readonly Partial<Query>[], stages = stagesOfTopology(topology)) {
      const path = file(topology, queries)
      const entry = await bring(world, io, { path, kind: queryFile(undefined), run: topology, topology })
      await worked(stages)
      return entry
    },
    /** How a run stands by its totals, which the topics themselves must bear out. */
    async state(run: Topology, count: number) {
      const state = await runState(world, { run, topology: run, count })
      const { outcomes, rejected } = await recount(world, { run, topology: run })
      const named = Object.fromEntries(Object.entries(state.outcomes).filter(([, n]) => n !== 0))
      expect({ outcomes: named, rejected: state.rejected }).toEqual({ outcomes, rejected })
      return state
    },
    async values<T>(topic: Topic<T>): Promise<T[]> {
      const values: T[] = []
      for await (const { value } of world.log.read(world.names.topic(topic)))
        if (value) values.push(await world.codec.decode(topic, value))
      return values
    },
  }
}
