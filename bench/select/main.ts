/**
 * Pairs a second of a cross-encoder, in full precision and in 8 bits, with one worker and with two, beside PyTorch on the
 * same model, pairs and number of threads, in turns; milliseconds of one query with 100 candidates; and how late the
 * event loop is meanwhile. Pairs are questions of the benchmark with what BM25 finds for them. The model has the size of
 * MiniLM and a head of seeded weights: it says nothing about relevance, and computes as much as one that does.
 *
 *   node bench/select/main.ts [--queries N] [--candidates N] [--threads N] [--rounds N] [--long N] [--json]
 *
 * --threads is how many cores all of a side's threads together have; --long how many queries have 100 candidates.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readSelector } from '../../adapters/selectors/folder.ts'
import { home as homeOf } from '../../cli/config.ts'
import { seeded } from './seeded.ts'
import { missing } from '../data.ts'
import { machine, quantile } from '../kafka/machine.ts'
import { questions, type Asked } from './pairs.ts'
import { latencies, ours, peer, type Side, type Turn } from './sides.ts'

const say = (text: string) => void process.stderr.write(`${text}\n`)
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const pytorch = 'PyTorch fp32'

const options = () => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      ...{ queries: text, candidates: text, threads: text, rounds: text, long: text },
      json: { type: 'boolean', default: false },
    },
  })
  const { queries = '32', candidates = '20', threads = '2', rounds = '3', long = '20', json } = values
  const numbers = { queries: +queries, candidates: +candidates, threads: +threads, rounds: +rounds, long: +long }
  return { ...numbers, json }
}

/** Workers and cores of each, together `threads`. */
const shapes = (threads: number) =>
  [...new Set([1, Math.min(2, threads)])].map((workers) => ({ workers, each: Math.floor(threads / workers) }))

const inTurns = async (sides: Readonly<Record<string, Side>>, rounds: number, pairs: number) => {
  const turns = new Map<string, Turn[]>(Object.keys(sides).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const [name, side] of Object.entries(sides)) {
      const turn = await side.turn()
      turns.get(name)!.push(turn)
      say(`${name} ${(pairs / turn.seconds).toFixed(1)} pairs/s, load ${loadavg()[0]!.toFixed(2)}`)
    }
  return turns
}

/** How far from PyTorch: the largest difference of a logit, and how often the best candidate is the same. */
const beside = (asked: readonly Asked[], logits: readonly number[], reference: readonly number[]) => {
  const difference = Math.max(...logits.map((logit, i) => Math.abs(logit - reference[i]!)))
  let at = 0
  const same = asked.map(({ choices }) => {
    const best = (of: readonly number[]) => of.slice(at, at + choices.length).reduce((a, b) => Math.max(a, b))
    const is = logits.indexOf(best(logits), at) === reference.indexOf(best(reference), at)
    at += choices.length
    return Number(is)
  })
  return { difference, sameBest: mean(same) }
}

const main = async () => {
  const reason = missing()
  if (reason !== undefined) return say(`skipped: ${reason}`)
  const { json, ...sizes } = options()
  const { queries, candidates, threads, rounds, long } = sizes
  const home = homeOf(process.env)
  const model = await seeded()
  const encoder = (await readSelector(model.fp32)).settings.encoder!
  const asked = await questions(queries, candidates)
  const pairs = asked.reduce((sum, { choices }) => sum + choices.length, 0)
  const work = await mkdtemp(join(tmpdir(), 'gainstream-select-'))
  try {
    const original = await peer({ home, model: model.original, encoder, questions: asked, threads, work })
    const sides: Record<string, Side> = { [pytorch]: original }
    for (const precision of ['fp32', 'int8'] as const)
      for (const { workers, each } of shapes(threads))
        sides[`${precision}, ${workers} × ${each}`] = await ours(model[precision], asked, workers, each)
    const turns = await inTurns(sides, rounds, pairs)
    const rate = (name: string) => pairs / median(turns.get(name)!.map(({ seconds }) => seconds))
    const rows = Object.entries(sides).map(([name, side]) => ({
      ...{ name, pairsPerSecond: rate(name), ratio: rate(name) / rate(pytorch) },
      cpu: median(turns.get(name)!.map(({ cpu }) => cpu)),
      delay: Math.max(...turns.get(name)!.map(({ delay }) => delay ?? 0)),
      ...beside(asked, side.logits(), original.logits()),
    }))
    for (const side of Object.values(sides)) await side.close()
    const many = long === 0 ? [] : await questions(long, 100)
    const waits = []
    for (const precision of long === 0 ? [] : (['fp32', 'int8'] as const))
      for (const { workers, each } of shapes(threads)) {
        const times = await latencies(model[precision], many, workers, each)
        waits.push({
          name: `${precision}, ${workers} × ${each}`,
          p50: quantile(times, 0.5),
          p99: quantile(times, 0.99),
        })
      }
    const tokens = { mean: mean(original.tokens), p50: quantile(original.tokens, 0.5), p95: quantile(original.tokens, 0.95) } // prettier-ignore
    const about = { bench: 'select', ...sizes, pairs, tokens, machine: machine() }
    if (json) return console.log(JSON.stringify({ ...about, rows, latency: waits }, null, 2))
    console.log(`${pairs} pairs of ${tokens.mean.toFixed(0)} tokens (median ${tokens.p50}, 95 % below ${tokens.p95}), ${threads} threads, median of ${rounds} turns; load ${about.machine.loadAverage[0]}`) // prettier-ignore
    for (const { name, pairsPerSecond, ratio, cpu, delay, difference, sameBest } of rows)
      console.log(
        `${name.padEnd(14)} ${pairsPerSecond.toFixed(1).padStart(7)} pairs/s  × ${ratio.toFixed(2)}  cpu ${cpu.toFixed(1)} s  ` +
          `event loop p99 ${delay.toFixed(1)} ms  difference ${difference.toExponential(1)}  same best ${(100 * sameBest).toFixed(0)} %`,
      )
    for (const { name, p50, p99 } of waits)
      console.log(`${name.padEnd(14)} 100 candidates of one query: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms (${long} queries)`) // prettier-ignore
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

await main()
