/**
 * Passages a second of the encoder, in full precision and in 8 bits, beside sentence-transformers on the same model,
 * passages, length and threads, in turns. Each side runs alone in its turn.
 *
 *   node bench/embed.ts [--passages N] [--threads N] [--rounds N] [--json]
 */
import { spawn } from 'node:child_process'
import { once as onceEmitted } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { encoderModel, originalEncoder } from '../adapters/models/encoder.ts'
import { once } from '../adapters/models/python.ts'
import { openEmbedder, readEncoder } from '../adapters/onnx/index.ts'
import { vllmEnvironment } from '../adapters/stack/index.ts'
import { program } from '../adapters/stack/program.ts'
import { home as homeOf } from '../cli/config.ts'
import { passageText } from '../method/prompt.ts'
import { corpus, missing } from './data.ts'

const home = homeOf(process.env)
const { signal } = new AbortController()
const say = (text: string) => void process.stderr.write(`${text}\n`)

interface Turn {
  readonly seconds: number
  /** Seconds of processor time. */
  readonly cpu: number
}
interface Side {
  readonly turn: () => Promise<Turn>
  /** Of the last turn. */
  readonly vectors: () => readonly Float32Array[]
  readonly close: () => Promise<void>
}

const ours = async (precision: 'fp32' | 'int8', texts: readonly string[], threads: number): Promise<Side> => {
  const embedder = await openEmbedder({ folder: await encoderModel({ home, precision }), workers: 1, threads })
  let vectors = await embedder.embed(texts.slice(0, 64), 'passage', signal)
  return {
    async turn() {
      const [from, before] = [performance.now(), process.cpuUsage()]
      vectors = await embedder.embed(texts, 'passage', signal)
      const { user, system } = process.cpuUsage(before)
      return { seconds: (performance.now() - from) / 1000, cpu: (user + system) / 1e6 }
    },
    vectors: () => vectors,
    close: () => embedder.close(),
  }
}

/** sentence-transformers without what it depends on: torch and Transformers are those of the environment. */
const peerPackages = async (python: string): Promise<string> => {
  const requirements = join(import.meta.dirname, 'embed-requirements.txt')
  const folder = join(home, 'bench', 'sentence-transformers-6.2.0')
  await once(folder, async (aside) => {
    const install = ['install', '--quiet', '--no-deps', '--only-binary', ':all:', '--no-compile', '--target', aside]
    const args = [
      '-m',
      'pip',
      '--python',
      python,
      '--disable-pip-version-check',
      ...install,
      '--requirement',
      requirements,
    ]
    await program({ command: 'python3', args, env: process.env })
  })
  return folder
}

/** In Python, where torch and Transformers are already; see embed.py. */
const peer = async (texts: readonly string[], threads: number, tokens: number, work: string): Promise<Side> => {
  const { python, env } = await vllmEnvironment({ home })
  const packages = await peerPackages(python)
  const source = await originalEncoder(home)
  const [given, out] = [join(work, 'texts.json'), join(work, 'vectors')]
  await writeFile(given, JSON.stringify(texts))
  const args = [
    join(import.meta.dirname, 'embed.py'),
    source,
    given,
    out,
    '--threads',
    `${threads}`,
    '--tokens',
    `${tokens}`,
  ]
  const child = spawn(python, args, {
    env: { ...process.env, ...env, PYTHONPATH: packages, OMP_NUM_THREADS: String(threads), PYTHONWARNINGS: 'ignore' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('sentence-transformers ended unexpectedly; what it said stands above')
    return value
  }
  await next()
  const dimension = () => readFileSync(out).length / 4 / texts.length
  return {
    async turn() {
      child.stdin.write('go\n')
      return JSON.parse(await next()) as Turn
    },
    vectors() {
      const all = new Float32Array(readFileSync(out).buffer.slice(0))
      return texts.map((_, i) => all.subarray(i * dimension(), (i + 1) * dimension()))
    },
    async close() {
      child.stdin.end()
      await onceEmitted(child, 'close')
    },
  }
}

const cosine = (a: Float32Array, b: Float32Array): number => {
  const product = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b))
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!

const main = async () => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { passages: text, threads: text, rounds: text, json: { type: 'boolean', default: false } },
  })
  const reason = missing()
  if (reason !== undefined) return say(`skipped: ${reason}`)
  const [count, threads, rounds] = [
    Number(values.passages ?? 1000),
    Number(values.threads ?? 2),
    Number(values.rounds ?? 3),
  ]
  const all = await corpus()
  const step = Math.max(1, Math.floor(all.length / count))
  const texts = all.filter((_, i) => i % step === 0).slice(0, count).map(passageText) // prettier-ignore
  const { settings } = await readEncoder(
    await encoderModel({ home, precision: 'fp32', onProgress: (what) => say(what) }),
  )
  const work = await mkdtemp(join(tmpdir(), 'gainstream-embed-'))
  try {
    const sides: Readonly<Record<string, Side>> = {
      'sentence-transformers': await peer(texts, threads, settings.max_tokens, work),
      'gainstream fp32': await ours('fp32', texts, threads),
      'gainstream int8': await ours('int8', texts, threads),
    }
    const turns = new Map<string, Turn[]>()
    for (let round = 0; round < rounds; round++)
      for (const [name, side] of Object.entries(sides)) {
        const turn = await side.turn()
        turns.set(name, [...(turns.get(name) ?? []), turn])
        say(
          `${name} ${(count / turn.seconds).toFixed(1)} passages/s (${turn.cpu.toFixed(1)} s of processor time), load ${loadavg()[0]!.toFixed(2)}`,
        )
      }
    const reference = sides['sentence-transformers']!.vectors()
    const rate = (name: string) => count / median(turns.get(name)!.map(({ seconds }) => seconds))
    const rows = Object.entries(sides).map(([name, side]) => {
      const cosines = side.vectors().map((vector, i) => cosine(vector, reference[i]!))
      const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length
      const speed = rate(name)
      return { name, passagesPerSecond: speed, ratio: speed / rate('sentence-transformers'), cpu: median(turns.get(name)!.map(({ cpu }) => cpu)), cosine: { mean, least: Math.min(...cosines) } } // prettier-ignore
    })
    for (const side of Object.values(sides)) await side.close()
    const about = { bench: 'embed', model: settings.model, passages: count, threads, rounds, processor: cpus()[0]?.model, cores: cpus().length, node: process.version } // prettier-ignore
    if (values.json) return console.log(JSON.stringify({ ...about, rows }, null, 2))
    console.log(`${count} passages, ${settings.model}, ${threads} threads, median of ${rounds} turns`)
    for (const { name, passagesPerSecond, ratio, cpu, cosine } of rows)
      console.log(
        `${name.padEnd(22)} ${passagesPerSecond.toFixed(1).padStart(6)} passages/s  × ${ratio.toFixed(2)}  ` +
          `cpu ${cpu.toFixed(1)} s  cosine ${cosine.mean.toFixed(4)} (least ${cosine.least.toFixed(4)})`,
      )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

await main()
