/**
 * The copy topology: one stage that reads Avro and writes Avro, on the real runtime with totals and transactions, beside
 * (a) a bare kafkajs consumer and producer without transactions, Avro both ways, and (b) Kafka Streams with
 * exactly_once_v2, which copies bytes. One process each, the same broker, the same input, by turns.
 *
 *     npm run bench -- kafka/copy [--json] [--records N] [--rounds N] [--only ours,bare,streams] [--sizes 200,70000]
 *                                 [--batch N] [--rate N] [--profile]
 *
 * A backlog gives the rate: records whose positions are committed, between a fifth and the whole of it, so that nobody
 * is charged for starting. Processor time is that of the contender's process, user and system, from when it says that it
 * is ready to the end of the backlog, over all records.
 * Then records trickle in at a fixed rate, and latency is from before they are sent until a read_committed reader has them.
 */
import { parseArgs } from 'node:util'
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { bench, filled, made, partitions, settingOn, type Setting } from './bench.ts'
import { startNode, type Child } from './child.ts'
import { codecFor, inputs, outputs } from './lines.ts'
import { cpuOf, loadNow, rounded, rssOf } from './machine.ts'
import { startStreams } from './streams.ts'
import { trickle } from './trickle.ts'
import { caughtUp } from './progress.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    records: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'ours,bare,streams' },
    sizes: { type: 'string', default: '200,70000' },
    batch: { type: 'string', default: '500' },
    rate: { type: 'string', default: '500' },
    profile: { type: 'boolean', default: false },
  },
})
const commitEvery = 200
const batch = Number(values.batch)
/** As the log itself compresses. */
const isCompressed = (bytes: number) => bytes >= 1000

interface Sized extends Setting {
  readonly bytes: number
}
interface Contender {
  readonly group: string
  readonly child: Child
}

const contenders: Readonly<Record<string, (setting: Sized, round: number) => Contender>> = {
  ours({ brokers, registry, prefix, named }, round) {
    const stage = `copy-${round}`
    const policy = { inFlight: 64, commitEvery, batch: { records: batch, bytes: 8 * 2 ** 20 } }
    const flags = values.profile ? ['--cpu-prof', '--cpu-prof-dir=.profiles'] : []
    const child = startNode('worker.ts', { brokers, registry, prefix, partitions, policy, stage }, flags)
    return { group: named.group(stage), child }
  },
  bare({ brokers, registry, prefix, bytes }, round) {
    const group = `${prefix}.bare-${round}`
    const orders = { brokers, registry, prefix, group, commitEvery, compressed: isCompressed(bytes) }
    return { group, child: startNode('bare.ts', orders) }
  },
  streams({ brokers, prefix, bytes, named }, round) {
    const group = `${prefix}.streams-${round}`
    const topics = { from: named.topic(inputs), to: named.topic(outputs) }
    const child = startStreams({ brokers, application: group, ...topics, commitEvery, compressed: isCompressed(bytes) })
    return { group, child }
  },
}

/** The output topic anew, so that every run writes into an empty one. */
const renewed = async (setting: Sized) => {
  const log = await openKafkaLog({ brokers: setting.brokers })
  await log.remove({ topics: [setting.named.topic(outputs)], groups: [] })
  await log.close()
  await made(setting)
}

const backlog = async (setting: Sized, { group, child }: Contender, records: number) => {
  const { named } = setting
  await Promise.race([child.said('ready'), child.failed])
  const before = cpuOf(child.pid)
  const cpuNow = () => cpuOf(child.pid)
  const done = caughtUp(setting.brokers, group, named.topic(inputs), records, cpuNow)
  const { from: first, to } = await Promise.race([done, child.failed])
  const from = first.at < to.at ? first : { at: child.started, settled: 0, cpu: 0 } // too few records for a stretch
  return {
    perSecond: Math.round(((to.settled - from.settled) / (to.at - from.at)) * 1000),
    cpuMicrosecondsPerRecord: Math.round(((to.cpu - before) / records) * 1e6),
    coresUsed: rounded((to.cpu - from.cpu) / ((to.at - from.at) / 1000)),
    startToEndSeconds: rounded((to.at - child.started) / 1000, 1),
    rssMB: rssOf(child.pid),
  }
}

const through = async (setting: Sized, who: string, round: number, records: number, rate: number) => {
  await renewed(setting)
  const contender = contenders[who]!(setting, round)
  const load = loadNow()
  const flat = await backlog(setting, contender, records)
  const { brokers, registry, bytes, named } = setting
  const live = { brokers, named, codec: codecFor(registry, named), partitions, bytes, rate, seconds: 15 }
  const latency = rate > 0 ? await trickle(live) : undefined
  const count = await copied(setting)
  if (count.distinct !== records + (latency?.sent ?? 0))
    throw new Error(`${who} copied ${count.distinct} of ${records}`)
  await contender.child.end()
  return {
    who,
    bytes,
    round,
    loadBefore: load,
    ...flat,
    doubled: count.all - count.distinct,
    ...(latency && { latency }),
  }
}

/** Committed records in the output, by distinct key: nobody is fast by leaving some out. */
const copied = async ({ brokers, named }: Sized) => {
  const log = await openKafkaLog({ brokers })
  const keys = new Set<string>()
  let all = 0
  for await (const { key } of log.read(named.topic(outputs))) {
    all++
    keys.add(String(key))
  }
  await log.close()
  return { all, distinct: keys.size }
}

const median = (list: readonly number[]) =>
  list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) / 2)] ?? Number.NaN
type Figure = Awaited<ReturnType<typeof through>>
const medians = (figures: readonly Figure[]) => {
  const of = (who: string, bytes: number, what: 'perSecond' | 'cpuMicrosecondsPerRecord') =>
    median(figures.filter((each) => each.who === who && each.bytes === bytes).map((each) => each[what]))
  const pairs = new Map(figures.map(({ who, bytes }) => [`${who} ${bytes} B`, { who, bytes }]))
  return [...pairs].map(([what, { who, bytes }]) => {
    const [perSecond, streams] = [of(who, bytes, 'perSecond'), of('streams', bytes, 'perSecond')]
    const cpuMicrosecondsPerRecord = of(who, bytes, 'cpuMicrosecondsPerRecord')
    return { what, perSecond, cpuMicrosecondsPerRecord, ofStreams: rounded(perSecond / streams) }
  })
}

await bench(values.json, async (servers, say) => {
  const figures = []
  for (const bytes of values.sizes.split(',').map(Number)) {
    const setting: Sized = { ...settingOn(servers), bytes }
    const large = bytes > 10_000
    const rate = large ? Number(values.rate) / 10 : Number(values.rate)
    let records = large ? Math.ceil(Number(values.records) / 50) : Number(values.records)
    await filled(setting, records, bytes)
    for (let round = 1; round <= Number(values.rounds); round++)
      for (const who of values.only.split(',')) {
        const figure = await through(setting, who, round, records, round === 1 ? rate : 0)
        records += figure.latency?.sent ?? 0 // whoever comes next has these to copy, too
        figures.push(figure)
        say(figure)
      }
  }
  return { commitEvery, recordsPerTransaction: batch, figures, medians: medians(figures) }
})
