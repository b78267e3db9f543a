/**
 * A backlog of a million small records: the memory of a worker while it works through it, and how long it takes from the
 * start of the process to the first settled record, beside a backlog of ten thousand.
 *
 *     npm run bench -- kafka/backlog [--json] [--records N] [--few N] [--rounds N]
 */
import { parseArgs } from 'node:util'
import { bench, filled, partitions, settingOn, type Setting } from './bench.ts'
import { startNode } from './child.ts'
import { inputs } from './lines.ts'
import { cpuOf, loadNow, rounded, rssOf } from './machine.ts'
import { caughtUp } from './progress.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    records: { type: 'string', default: '1000000' },
    few: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
  },
})
const [records, few, rounds] = [Number(values.records), Number(values.few), Number(values.rounds)]
const bytes = 100

const worker = ({ brokers, registry, prefix }: Setting, stage: string) =>
  startNode('worker.ts', { brokers, registry, prefix, partitions, policy: { inFlight: 64 }, stage })

/** Milliseconds from the start of a process to its first settled record. */
const startUp = async (setting: Setting, round: number) => {
  const child = worker(setting, `start-${round}`)
  const settled = Number(await Promise.race([child.said('settled'), child.failed]))
  await child.end() // a killed one would hold up the next: its open transaction ends by its timeout
  return settled - child.started
}

/** Resident megabytes at the first settled record, and at 10, 50 and 100 % of the backlog. */
const memory = async (setting: Setting) => {
  const child = worker(setting, 'all')
  await Promise.race([child.said('settled'), child.failed])
  const began = Date.now()
  const marks = [0, 0.1, 0.25, 0.5, 0.75, 1]
  const rss: Record<string, number> = {}
  let most = 0
  const onSample = (settled: number) => {
    const now = rssOf(child.pid)
    most = Math.max(most, now)
    for (const mark of marks) if (settled >= mark * records) rss[`${mark * 100} %`] ??= now
  }
  const topic = setting.named.topic(inputs)
  const group = setting.named.group('all')
  const done = caughtUp(setting.brokers, group, topic, records, () => cpuOf(child.pid), onSample)
  const { to } = await Promise.race([done, child.failed])
  await child.end()
  return { rssMB: rss, mostMB: most, perSecond: Math.round((records / (to.at - began)) * 1000) }
}

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN

await bench(values.json, async (servers, say) => {
  const [small, large] = [settingOn(servers), settingOn(servers)]
  await filled(small, few, bytes)
  await filled(large, records, bytes)
  const load = loadNow()
  const started: { few: number[]; many: number[] } = { few: [], many: [] }
  for (let round = 0; round < rounds; round++) {
    started.few.push(await startUp(small, round))
    started.many.push(await startUp(large, round))
  }
  const startToFirstSettledMs = {
    ...{ [`${few} waiting`]: started.few, [`${records} waiting`]: started.many },
    ratioOfMedians: rounded(median(started.many) / median(started.few)),
  }
  say({ startToFirstSettledMs })
  return { records, bytes, load, startToFirstSettledMs, memory: await memory(large), loadAtMemory: loadNow() }
})
