/**
 * The long form of the crash tests: `node test/crash/kill.ts [--kills 10] [--seed 7] [--queries 8] [--only PART] [--json]`.
 * Prints a line for each kill, then what was lost, doubled and computed twice; ends with 1 when anything was.
 */
import { parseArgs } from 'node:util'
import { killIndex, killQueries } from './imports.ts'
import { killSynthesize } from './kills.ts'
import { scratch } from './material.ts'
import { interruptOnce, interruptTwice, sleepPastLease } from './stops.ts'
import { prepare } from './synthesis.ts'
import { endAll } from './tool.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '7' },
    queries: { type: 'string', default: '8' },
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
})
const { only, json } = values
const [kills, seed, queries] = [Number(values.kills), Number(values.seed), Number(values.queries)]
const say = (line: string) => void process.stderr.write(`${line}\n`)
const to = scratch()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void endAll().finally(() => process.exit(1)))
}

let prepared: ReturnType<typeof prepare> | undefined
const stage = () => (prepared ??= prepare(to, { passages: 48, queries }))

const parts: Record<string, () => Promise<object>> = {
  'queries importer': () => killQueries(to, { kills, seed, records: 60_000, say }),
  index: () => killIndex(to, { kills, seed, records: 3_000, say }),
  'synthesize, scores cached': async () => killSynthesize(await stage(), { kills, seed, cache: true, say }),
  'synthesize, no score cache': async () => killSynthesize(await stage(), { kills, seed, cache: false, say }),
  'two workers': async () => sleepPastLease(await stage(), 'slept'),
  'Ctrl-C': async () => interruptOnce(await stage(), 'interrupted', seed),
  'Ctrl-C twice': async () => interruptTwice(await stage(), 'interrupted-twice', seed),
}

const harmed = (found: Record<string, unknown>) =>
  ['lost', 'doubled'].some((name) => found[name] !== 0) ||
  ['different', 'totals', 'wrong'].some((name) => Array.isArray(found[name]) && found[name].length > 0)

const results: Record<string, object> = {}
try {
  for (const [name, part] of Object.entries(parts)) {
    if (only.length > 0 && !only.includes(name)) continue
    say(`== ${name}`)
    const began = performance.now()
    const found = await part()
    results[name] = found
    say(`${JSON.stringify(found)} (${((performance.now() - began) / 1000).toFixed(0)} s)`)
    if (harmed({ ...found })) process.exitCode = 1
  }
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`)
} finally {
  await endAll()
  to.drop()
}
