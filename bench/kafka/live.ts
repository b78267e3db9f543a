/**
 * A live query on Kafka: imagine (off) → retrieve → select → generate, the real processors with ports that do nothing, in
 * one worker process. From before a plain producer sends the query until a read_committed reader has its answer.
 *
 *     npm run bench -- kafka/live [--json] [--records N] [--rate N]
 */
import { parseArgs } from 'node:util'
import { imagine } from '../../processors/index.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { answers, streamTopics } from '../../topics/index.ts'
import type { Asked } from '../../schemas/query.ts'
import { bench, made, partitions, settingOn } from './bench.ts'
import { startNode } from './child.ts'
import { clientFor, codecFor } from './lines.ts'
import { cpuOf, loadNow, quantile, rounded } from './machine.ts'
import { watch } from './watch.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    records: { type: 'string', default: '400' },
    rate: { type: 'string', default: '5' },
    k: { type: 'string', default: '20' },
  },
})
const [records, rate, k] = [Number(values.records), Number(values.rate), Number(values.k)]
const warmUp = 20
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const asked = (n: number): Asked => {
  const query = { id: `q${n}`, question: `What is the answer to question ${n}?`, answers: [], dataset: '', lang: 'en' }
  return { run: 'live', asked_at: Date.now(), query: { ...query, gold_passage_ids: [] } }
}

await bench(values.json, async (servers) => {
  const setting = settingOn(servers)
  const { brokers, registry, prefix, named } = setting
  await made(setting, streamTopics)
  const codec = codecFor(registry, named)
  const queries = imagine.from
  await codec.prepare([queries])
  const child = startNode('live-worker.ts', { brokers, registry, prefix, partitions, k })
  await Promise.race([child.said('ready'), child.failed])
  const sent = new Map<string, number>()
  const latency: number[] = []
  const seen = await watch(brokers, named.topic(answers), (key, at) => latency.push(at - (sent.get(key) ?? Number.NaN)))
  const producer = clientFor(brokers).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const [load, cpu, began] = [loadNow(), cpuOf(child.pid), performance.now()]
  for (let n = 0; n < records; n++) {
    // Not in step with anything that happens at fixed times.
    await pause(Math.max(0, began + ((n + Math.random()) / rate) * 1000 - performance.now()))
    const value = asked(n)
    const key = queries.key(value)
    const partition = partitionOf(key, partitions)
    const message = { key, value: codec.encode(queries, value), partition, headers: { run: 'live' } }
    sent.set(key, performance.now())
    await producer.send({ topic: named.topic(queries), messages: [message] })
  }
  while (latency.length < records) await Promise.race([pause(20), child.failed])
  const cores = rounded((cpuOf(child.pid) - cpu) / ((performance.now() - began) / 1000), 3)
  await producer.disconnect()
  await child.end()
  await seen.stop()
  const counted = latency.slice(warmUp)
  return {
    ...{ queries: counted.length, perSecond: rate, passages: k, load, coresUsed: cores },
    latencyMs: {
      p50: quantile(counted, 0.5),
      p90: quantile(counted, 0.9),
      p99: quantile(counted, 0.99),
      max: quantile(counted, 1),
    },
    target: { p50: 150, p99: 500 },
  }
})
