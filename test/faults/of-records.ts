/** What records do: too large, unreadable, stuck. */
import type { Outgoing } from '../../runtime/log.ts'
import { megabytes } from '../../runtime/topic.ts'
import { pause } from '../../runtime/wait.ts'
import { opened, settledOnce } from '../conformance/tools.ts'
import { copying, type Fault } from './fault.ts'
import type { Ground } from './ground.ts'
import { inputs, middles, run } from './items.ts'

const large = ['large0', 'large1']
const unreadable = ['strange0', 'strange1']

/** The Confluent framing around an id that no registry has given. */
const ofNobody = () => {
  const bytes = Buffer.alloc(9)
  bytes.writeInt32BE(987_654_321, 1)
  return bytes
}

/** Written as any client may write them, among the others. */
const strangers = async ({ log, named }: Ground) => {
  const seat = log.source(named.group('ingest'), 'strangers')
  await opened(seat)
  const records = unreadable.map((id, partition): Outgoing => ({
    ...{ topic: named.topic(inputs), partition, headers: {}, timestamp: Date.now() },
    ...{ key: Buffer.from(`${run}/${id}`), value: ofNobody() },
  }))
  if (!(await settledOnce(seat, { records, settled: { position: 1, note: '' } }))) throw new Error('fenced')
  await seat.close()
}

const badRecords: Fault = {
  name: 'bad-records',
  brokers: 1,
  run: (servers, measure) =>
    copying('bad', servers, measure, {
      rejected: [...large, ...unreadable],
      lasting: measure.short ? 8 : 30,
      async fill(at) {
        const half = at.wanted.length / 2
        await at.fill(at.wanted.slice(0, half), 'first half')
        const passage = 'a passage of a candidate list that is far too long '
        const text = passage.repeat(Math.ceil(megabytes(5) / passage.length))
        await at.fill(large, 'large', () => text)
        await strangers(at)
        await at.fill(at.wanted.slice(half), 'second half')
      },
      strike: ({ reached }) => reached(1),
      remarks: () => [`${middles.name} takes ${middles.maxBytes / megabytes(1)} MB`],
    }),
}

const partitions = 1
const inFlight = 64
const span = 10_000

/** Records per second of the first stage between two moments of its work. */
const rateOf = ({ workers }: Ground, from: number, to: number) => {
  const times = workers.steps().flatMap(({ stage, at }) => (stage === 'relay' ? [at] : []))
  const sorted = times.toSorted((a, b) => a - b)
  const [begin = 0, end = 0] = [sorted[from], sorted[to]]
  return ((to - from) * 1000) / (end - begin)
}

const stuckRecord: Fault = {
  name: 'stuck-record',
  brokers: 1,
  async run(servers, measure) {
    const records = measure.short ? measure.records : Math.max(measure.records, span + 2_000)
    const sized = { ...measure, records }
    const [from, to] = [Math.floor(records * 0.1), Math.floor(Math.min(records, span) * 0.9)]
    const lasting = measure.short ? 6 : 30
    const rates: number[] = []
    const told = (at: Ground) => {
      rates.push(rateOf(at, from, to))
      return []
    }
    const strike = ({ reached }: Ground) => reached(1)
    const shape = { partitions, inFlight, lasting, strike, remarks: told }
    await copying('free', servers, { ...sized, folder: `${measure.folder}/free` }, shape)
    const found = await copying('stuck', servers, sized, {
      ...shape,
      begin({ workers }) {
        workers.start({ stuck: { id: 'i0', ms: measure.stuck } })
      },
      async strike(at) {
        const begun = () => new Set(at.workers.steps().flatMap(({ stage, id }) => (stage === 'relay' ? [id] : []))).size
        while (begun() < Math.min(records, span - inFlight)) await pause(100)
        measure.say(`${begun()} records were begun beside the one that is stuck`)
        await pause(Math.max(0, measure.stuck - 1000 * lasting))
        measure.say(`${begun()} records were begun while it was stuck`)
      },
    })
    const [free = 0, stuck = 0] = rates
    const slow = stuck < 0.9 * free ? ['the rate beside a stuck record fell by more than a tenth'] : []
    return {
      ...found,
      remarks: [
        ...found.remarks,
        `one record stuck for ${measure.stuck / 1000} s: ${stuck.toFixed(0)} records/s beside it, ${free.toFixed(0)} without`,
      ],
      wrong: [...found.wrong, ...slow],
    }
  },
}

export const ofRecords = [badRecords, stuckRecord]
