/**
 * Every fault against live brokers: what is lost, doubled, or worked on twice?
 *
 *     node test/faults/run.ts [--only NAME …] [--records 10000] [--seed 7] [--short] [--stuck SECONDS]
 *                             [--results FILE] [--resume]
 *
 * Starts its own servers in a folder of its own. With --resume, what FILE holds and was good is not run again.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isGood } from './fault.ts'
import { faults } from './faults.ts'
import { lineOf, resultsIn } from './results.ts'
import { openServers, type Servers } from './servers.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    records: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '7' },
    stuck: { type: 'string' },
    short: { type: 'boolean', default: false },
    results: { type: 'string', default: 'faults.json' },
    resume: { type: 'boolean', default: false },
  },
})

const chosen = faults.filter(({ name }) => values.only.length === 0 || values.only.includes(name))
if (chosen.length < Math.max(1, values.only.length)) {
  console.error(`faults are ${faults.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'gainstream-faults-'))
const results = resultsIn(values.results)
const open = new Map<1 | 3, Servers>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130)) // takes its servers along

/** One broker for most; three only while somebody needs them. */
const serversFor = async (brokers: 1 | 3): Promise<Servers> => {
  for (const [size, servers] of open) {
    if (size === brokers) return servers
    await servers.stop()
    open.delete(size)
  }
  const servers = await openServers(join(folder, `servers-${brokers}-${Date.now()}`), brokers)
  open.set(brokers, servers)
  return servers
}

for (const fault of chosen) {
  if (values.resume && results.isGood(fault.name)) continue
  const started = Date.now()
  const say = (text: string) =>
    console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${fault.name}: ${text}`)
  const own = join(folder, fault.name)
  mkdirSync(own)
  const stuck = 1000 * Number(values.stuck ?? (values.short ? 8 : 600))
  const measure = {
    records: Number(values.records),
    short: values.short,
    seed: Number(values.seed),
    stuck,
    folder: own,
    say,
  }
  try {
    const found = await fault.run(await serversFor(fault.brokers), measure)
    results.keep(fault.name, found)
    console.log(lineOf(fault.name, found))
    if (!isGood(found)) process.exitCode = 1
  } catch (error) {
    process.exitCode = 1
    console.log(`FAILED ${fault.name}: ${error instanceof Error ? error.stack : String(error)}`)
    for (const servers of open.values()) await servers.stop()
    open.clear()
  }
}

for (const servers of open.values()) await servers.stop()
rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
