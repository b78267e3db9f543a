/**
 * A world on either engine whose log, registry, store and stages are real; the reader LLM and the encoder are doubles
 * that say the same each time. Needs no test runner, so that a child process can be made of it, too.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStores } from '../../cli/collections.ts'
import type { Io } from '../../cli/command.ts'
import { readConfig } from '../../cli/config.ts'
import { bring, passageFile, queryFile } from '../../cli/import.ts'
import { guarded } from '../../cli/readers.ts'
import { openStream } from '../../cli/streams.ts'
import { openWorld, type World } from '../../cli/world.ts'
import { work } from '../../cli/work.ts'
import type { Embedder, Reader, Scorer } from '../../method/ports.ts'
import { stagesOfTopology } from '../../processors/index.ts'
import { Rejected } from '../../runtime/errors.ts'
import { pause } from '../../runtime/wait.ts'

const identity = { model: 'double', revision: '', dtype: '', server: '', runner: '', plugin: '', prompt: null }
const usage = { calls: 1, prompt_tokens: 10, output_tokens: 2, cache_hits: 0, seconds: 0.1 }
const encoder = { model: 'double', revision: '0', dimension: 2, pooling: 'mean', normalised: false } as const
const embedder: Embedder = {
  identity: encoder,
  embed: async (texts) => texts.map((text) => Float32Array.of(text.length, 1)),
  close: async () => {},
}
const reader: Reader = {
  identity,
  answer: async ({ passages }) => ({ text: passages[0]?.title ?? 'unknown', usage, cut: null }),
  imagine: async () => ({ text: 'N/A', usage, cut: null }),
}

export interface Doubles {
  /** Milliseconds that the scorer takes for a query. */
  slow?: number
  /** The scorer refuses a question that holds this. */
  broken?: string | undefined
  /** The scorer never comes back with a question that holds this, whatever it is told. */
  stuck?: string
}

/** A mean NLL by the letters of the passage, so that no two are the same; the contrast is that of the definition. */
const scorerOf = (doubles: Doubles): Scorer => ({
  ...{ identity, exact: true },
  async score({ question, passages, answers, alphas }) {
    const { slow = 0, broken, stuck } = doubles // asked each time: a test may mend it
    if (stuck !== undefined && question.includes(stuck)) await new Promise(() => {})
    if (broken !== undefined && question.includes(broken)) throw new Rejected('the scorer is broken')
    await pause(slow)
    const letters = (text: string) => [...text].reduce((sum, letter) => sum + letter.charCodeAt(0), 0)
    const nll = (text: string, gold: string) => 0.5 + ((letters(text) + letters(gold) + letters(question)) % 997) / 997
    const figures = (text: string, gold: string) => ({
      plain: [-nll(text, gold)],
      contrast: alphas.map((alpha) => [-Math.max(0.01, nll(text, gold) + alpha * (nll(text, gold) - 1.2))]),
    })
    const scored = passages.map(({ text }) => ({ cut: 0, answers: answers.map((gold) => figures(text, gold)) }))
    return { base: answers.map(() => [-1.2]), passages: scored, usage }
  },
})

const dressed = (opened: World, doubles: Doubles): World => {
  let stores: ReturnType<typeof openStores> | undefined
  const scorer = scorerOf(doubles)
  const dress = (world: World): World => ({
    ...world,
    reader: async () => guarded({ scorer, reader }, world.config, world.observe),
    embedder: async () => embedder,
    stores: () => (stores ??= openStores(opened.config, encoder)),
    as: (config) => dress(world.as(config)),
    async close() {
      await (await stores)?.close()
      await opened.close()
    },
  })
  return dress(opened)
}

export const silent = { tty: false, write: () => {} }
export const io = (signal: AbortSignal = new AbortController().signal): Io => ({
  env: {},
  out: () => {},
  screen: silent,
  signal,
})

export type Settings = Readonly<Record<string, unknown>>

/** Settings of the engine that the tests ask for. */
export const engineOf = (engine: 'embedded' | 'kafka'): Settings => {
  const prefix = `replay-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
  const { GAINSTREAM_TEST_BROKERS: brokers = '', GAINSTREAM_TEST_REGISTRY: url } = process.env
  const common = { engine, prefix, data: mkdtempSync(join(tmpdir(), 'gainstream-replay-')), partitions: 2 }
  return {
    ...common,
    'retrieve.mode': 'sparse',
    'distil.filter': 'off',
    ...(engine === 'kafka' && { 'kafka.brokers': brokers.split(','), 'registry.url': url }),
  }
}

export const opened = async (settings: Settings, doubles: Doubles = {}): Promise<World> =>
  dressed(await openWorld(readConfig({ env: {}, flags: settings }), silent, {}, { create: true }), doubles)

const passages = Array.from({ length: 12 }, (_, n) => ({
  ...{ id: `p${n}`, title: `River ${n}` },
  text: `River ${n} flows past town ${n} and hill ${(n * 7) % 12}, wide and slow${'.'.repeat(n)}`,
}))

export const queryOf = (n: number, word = 'town') => ({
  id: `q${n}`,
  question: `Which river flows past ${word} ${n}?`,
  answers: [`River ${n % 12}`],
})

/** A stream with passages, and queries in a run that was worked on to its end, as the commands do it. */
export const filled = async (
  world: World,
  queries: readonly object[],
  run = 'r',
  stages = stagesOfTopology('synthesis'),
) => {
  const file = (name: string, lines: readonly object[]) => {
    const path = join(world.config.data, `${name}.jsonl`)
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    return path
  }
  const stream = await openStream(world, io().signal)
  await bring(stream, io(), {
    path: file('passages', passages),
    kind: passageFile,
    run: 'corpus',
    topology: 'indexing',
  })
  await work(stream, { stages: ['index'], what: 'indexing', untilEmpty: true }, io().signal)
  const entry = await bring(stream, io(), {
    path: file(run, queries),
    kind: queryFile(undefined),
    run,
    topology: 'synthesis',
  })
  if (stages.length > 0) await work(stream, { stages, what: 'working', untilEmpty: true }, io().signal)
  return { stream, entry }
}

/** Takes away what a test made. */
export const discarded = (settings: Settings): void => {
  rmSync(String(settings['data']), { recursive: true, force: true })
}
