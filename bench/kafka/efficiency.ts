/**
 * How much of a scorer's time the runtime keeps busy: one worker, six lanes, one endpoint of concurrency 64 that they
 * share. The scorer is SIMULATED: a sleep, uniform between 250 and 750 ms, 500 on average. Ideal: 64 / 0.5 s = 128 a second.
 *
 *     npm run bench -- kafka/efficiency [--json] [--records N]
 */
import { parseArgs } from 'node:util'
import { bench, filled, settingOn } from './bench.ts'
import { startNode } from './child.ts'
import { outputs } from './lines.ts'
import { cpuOf, loadNow, rounded } from './machine.ts'
import { watch } from './watch.ts'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, records: { type: 'string', default: '10000' } },
})
const records = Number(values.records)
const scorer = { mean: 500, concurrency: 64 }
const ideal = scorer.concurrency / (scorer.mean / 1000)

await bench(values.json, async (servers) => {
  const setting = settingOn(servers)
  const { brokers, registry, prefix, partitions, named } = setting
  await filled(setting, records, 200)
  const seen = await watch(brokers, named.topic(outputs))
  const policy = { inFlight: 32 }
  const child = startNode('worker.ts', { brokers, registry, prefix, partitions, policy, stage: 'copy', scorer })
  await Promise.race([child.said('settled'), child.failed])
  // Steady: after ten seconds, and until a lane may be out of records.
  const from = performance.now() + Math.min(10_000, (records / ideal) * 200)
  const last = Math.floor(records * 0.85)
  const [load, cpu] = [loadNow(), cpuOf(child.pid)]
  while (seen.times.length < last)
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 100)), child.failed])
  const to = performance.now()
  const rate = seen.rate(from, to)
  const cores = rounded((cpuOf(child.pid) - cpu) / ((to - from) / 1000), 3)
  await child.end()
  await seen.stop()
  return {
    scorer: 'simulated: uniform between 250 and 750 ms, mean 500 ms, concurrency 64, shared by 6 lanes',
    ...{ records, seconds: rounded((to - from) / 1000, 1), load, coresUsed: cores },
    ...{ perSecond: rounded(rate, 1), ideal, ofIdeal: rounded(rate / ideal, 3), target: 0.97 },
  }
})
