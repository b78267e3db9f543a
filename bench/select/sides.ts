/** Who scores the pairs: ours in worker threads, and PyTorch in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { openCross } from '../../adapters/selectors/cross/index.ts'
import { pairOf } from '../../adapters/selectors/cross/texts.ts'
import { vllmEnvironment } from '../../adapters/stack/index.ts'
import type { Selector } from '../../method/ports.ts'
import type { CrossEncoder } from '../../method/selector.ts'
import type { Asked } from './pairs.ts'

const { signal } = new AbortController()

export interface Turn {
  readonly seconds: number
  /** Seconds of processor time. */
  readonly cpu: number
  /** Milliseconds, 99th percentile, of the process that asks. */
  readonly delay?: number
}
export interface Side {
  readonly turn: () => Promise<Turn>
  /** Of the last turn, in the order of questions and choices. */
  readonly logits: () => readonly number[]
  readonly close: () => Promise<void>
}

/** Milliseconds between two looks at the clock; what is later than that is delay. */
const resolution = 1
/** As many queries as `select` has under way. */
const atOnce = 16

const allOf = async (selector: Selector, questions: readonly Asked[]): Promise<number[][]> => {
  const found = new Array<number[]>(questions.length)
  let next = 0
  const lane = async () => {
    for (let at = next++; at < questions.length; at = next++)
      found[at] = await selector.score(questions[at]!.question, questions[at]!.choices, signal)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return found
}

export const ours = async (
  folder: string,
  questions: readonly Asked[],
  workers: number,
  threads: number,
): Promise<Side> => {
  const selector = await openCross(folder, { workers, threads })
  let last = await allOf(selector, questions.slice(0, 8))
  return {
    async turn() {
      const delays = monitorEventLoopDelay({ resolution })
      const [from, before] = [performance.now(), process.cpuUsage()]
      delays.enable()
      last = await allOf(selector, questions)
      delays.disable()
      const { user, system } = process.cpuUsage(before)
      const delay = Math.max(0, delays.percentile(99) / 1e6 - resolution)
      return { seconds: (performance.now() - from) / 1000, cpu: (user + system) / 1e6, delay }
    },
    logits: () => last.flat(),
    close: async () => selector.close?.(),
  }
}

/** Milliseconds of each query, one after the other. */
export const latencies = async (folder: string, questions: readonly Asked[], workers: number, threads: number) => {
  const selector = await openCross(folder, { workers, threads })
  const times: number[] = []
  await selector.score(questions[0]!.question, questions[0]!.choices, signal)
  for (const { question, choices } of questions) {
    const from = performance.now()
    await selector.score(question, choices, signal)
    times.push(performance.now() - from)
  }
  await selector.close?.()
  return times
}

export interface PeerOptions {
  readonly home: string
  /** Folder of Transformers. */
  readonly model: string
  readonly encoder: CrossEncoder
  readonly questions: readonly Asked[]
  readonly threads: number
  /** Folder for what passes between the two. */
  readonly work: string
}

/** Also tells how many tokens each pair has. */
export const peer = async (options: PeerOptions): Promise<Side & { readonly tokens: readonly number[] }> => {
  const { home, model, encoder, questions, threads, work } = options
  const { python, env } = await vllmEnvironment({ home })
  const pairs = questions.flatMap(({ question, choices }) => choices.map((one) => pairOf(encoder.pair, question, one)))
  const [given, out] = [join(work, 'pairs.json'), join(work, 'logits')]
  await writeFile(given, JSON.stringify(pairs))
  const how = ['--threads', String(threads), '--tokens', String(encoder.max_tokens)]
  const child = spawn(python, [join(import.meta.dirname, 'peer.py'), model, given, out, ...how], {
    env: { ...process.env, ...env, OMP_NUM_THREADS: String(threads), PYTHONWARNINGS: 'ignore' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('PyTorch ended unexpectedly; what it said stands above')
    return JSON.parse(value) as T
  }
  const { tokens } = await next<{ tokens: number[] }>()
  return {
    tokens,
    turn() {
      child.stdin.write('go\n')
      return next<Turn>()
    },
    logits: () => Array.from(new Float32Array(new Uint8Array(readFileSync(out)).buffer)),
    async close() {
      child.stdin.end()
      await once(child, 'close')
    },
  }
}
