/**
 * Every fault of servers on the pipeline: what is lost, doubled, or rejected though the world was to blame?
 *
 *     node test/faults/vllm/run.ts [--only NAME …] [--servers simulated|real] [--queries 2000] [--rate 40] [--seed 7] [--short]
 *                                  [--log embedded|kafka] [--results FILE] [--resume] [--json]
 *
 * Starts its own servers in a folder of its own; of real ones a single one on --port (8131), which takes 5 GB. With --resume, what FILE holds and was good is not run again.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openServers, type Servers } from '../servers.ts'
import { isGood, lineOf } from './fault.ts'
import { faults } from './faults.ts'
import { real } from './real.ts'
import { resultsIn } from './results.ts'
import { simulated } from './supplies.ts'
import type { Place } from './world.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    servers: { type: 'string', default: 'simulated' },
    queries: { type: 'string', default: '2000' },
    rate: { type: 'string', default: '40' },
    seed: { type: 'string', default: '7' },
    short: { type: 'boolean', default: false },
    log: { type: 'string', default: 'embedded' },
    port: { type: 'string', default: '8131' },
    results: { type: 'string', default: 'faults-vllm.json' },
    resume: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const chosen = faults.filter(({ name }) => values.only.length === 0 || values.only.includes(name))
if (chosen.length < Math.max(1, values.only.length)) {
  console.error(`faults are ${faults.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const folder = mkdtempSync(join(tmpdir(), 'gainstream-faults-vllm-'))
const results = resultsIn(values.results)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130)) // takes its servers along
const vllm = values.servers === 'real' ? await real(join(folder, 'vllm'), Number(values.port)) : undefined
const supply = vllm ?? simulated(Number(values.rate), 30_000)
const kafka: Servers | undefined = values.log === 'kafka' ? await openServers(join(folder, 'kafka'), 1) : undefined
const placeIn = (own: string): Place =>
  kafka
    ? { kind: 'kafka', brokers: kafka.brokers, registry: kafka.registry.url }
    : { kind: 'embedded', path: join(own, 'log.sqlite') }

for (const { name, run } of chosen) {
  const key = `${name} (${supply.kind}, ${values.log})`
  if (values.resume && results.isGood(key)) continue
  const own = join(folder, name)
  mkdirSync(own)
  // Other queries for each, so that a server that stays does not know their prompts from the fault before.
  const seed = Number(values.seed) + faults.findIndex((each) => each.name === name)
  const measure = { queries: Number(values.queries), seed, short: values.short, folder: own }
  try {
    const found = await run({ ...measure, place: placeIn(own), supply, say: () => {} })
    results.keep(key, found)
    console.log(values.json ? JSON.stringify({ name, ...found }) : lineOf(name, found))
    if (!isGood(found)) process.exitCode = 1
  } catch (error) {
    process.exitCode = 1
    console.log(`FAILED ${name}: ${error instanceof Error ? error.stack : String(error)}`)
  }
}
await Promise.all([kafka?.stop(), vllm?.stop()])
rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
process.exit() // servers of a fault that failed go, too
