/** What is done to topics and groups behind the stream's back: each is refused with a sentence, and nothing is doubled. */
import { randomBytes } from 'node:crypto'
import { pause } from '../../runtime/wait.ts'
import { compared, idsIn, seenIn, settledIds, totalsOf } from './audit.ts'
import { again, prefixOf, type Fault, type Found } from './fault.ts'
import { ground, type Ground, type Measure } from './ground.ts'
import { inputs, stages } from './items.ts'
import { administering } from './reader.ts'
import type { Servers } from './servers.ts'

interface Deed {
  readonly name: string
  /** Is it done while a worker runs? It must stop by itself then. */
  readonly underWork: (measure: Measure) => boolean
  /** What each sentence must say. */
  readonly says: RegExp
  act(this: void, at: Ground): Promise<void>
}

const long = 60_000

/** The sentence with which a worker stops; it must. */
const refusal = async (at: Ground, worker: ReturnType<Ground['workers']['start']>, when: string): Promise<string> => {
  const late = pause(long).then(() => 'late' as const)
  const code = await Promise.race([worker.ended, late])
  if (code === 'late') throw new Error(`a worker went on ${when}`)
  if (!worker.sentence) throw new Error(`a worker ended with ${code} and without a sentence ${when}`)
  at.measure.say(`${when}: ${worker.sentence}`)
  return worker.sentence
}

/** What the totals say of each stage is there, once: they were written in the same transactions. */
const judged = async (at: Ground) => {
  const sums = await totalsOf(at.places)
  const counts = { seen: 0, counted: 0, lost: 0, doubled: 0 }
  for (const { stage, to } of stages) {
    const ids = await idsIn(at.places, to)
    const done = sums.get(stage)?.['done'] ?? 0
    const { doubled, foreign } = compared(at.wanted, ids)
    counts.lost += Math.abs(done - new Set(ids).size)
    counts.doubled += doubled.length + foreign.length
    Object.assign(counts, { seen: ids.length, counted: done })
  }
  return counts
}

/** Some of the records are through when it happens, and no worker goes on after it. */
const refused = async (servers: Servers, measure: Measure, { name, underWork, says, act }: Deed): Promise<Found> => {
  const at = await ground(servers, measure, { prefix: prefixOf(name) })
  const { workers, places } = at
  const working = underWork(measure)
  try {
    // More than a worker holds: what it needs next is not there any more.
    await at.fill(at.wanted, 'fill', working ? () => randomBytes(3_000).toString('base64') : () => '')
    const before = await seenIn(places, at.named.topic(inputs))
    const began = Date.now()
    const live = workers.start()
    await at.reached(working ? 0.25 : 0.5)
    if (!working) {
      live.send('SIGKILL')
      await live.ended
    }
    const settled = await settledIds(places, stages[0], before)
    await act(at)
    const sentences = working ? [await refusal(at, live, 'under work')] : []
    for (const when of ['started again', 'started once more']) sentences.push(await refusal(at, workers.start(), when))
    const found = await judged(at)
    const inVain = compared(settled, await idsIn(places, stages[0].to)).lost.length
    const strange = sentences.filter((each) => !says.test(each)).map((each) => `it was refused with: ${each}`)
    const remarks = [`${settled.length} were settled before`, ...new Set(sentences)]
    return {
      ...{ ...found, lost: found.lost + inVain, rejects: [], again: again(workers.steps()) },
      ...{ records: at.wanted.length, seconds: (Date.now() - began) / 1000, remarks, wrong: strange },
    }
  } finally {
    await at.leave()
  }
}

const deeds: readonly (Deed & { readonly fault: string })[] = [
  {
    ...{ fault: 'topic-anew', name: 'anew', underWork: () => true, says: /deleted|made anew/ },
    async act(at) {
      const topic = at.named.topic(inputs)
      await at.log.remove({ topics: [topic], groups: [] })
      await at.remade(inputs)
      await at.fill(at.wanted, 'again') // another topic with the very same records
    },
  },
  {
    // In the short form a worker has read all there is: nothing that it needs is gone.
    ...{ fault: 'records-deleted', name: 'trimmed', underWork: ({ short }: Measure) => !short, says: /were deleted/ },
    act: (at) => trimmed(at),
  },
  {
    ...{ fault: 'offsets-deleted', name: 'offsets', underWork: () => false, says: /no settled position/ },
    async act({ places, named }) {
      const groups = stages.map(({ stage }) => named.group(stage))
      await pause(7_000) // until the dead member's session is over
      await administering(places.brokers, (admin) => admin.deleteGroups(groups))
    },
  },
]

/** All that is there, settled or not. */
const trimmed = ({ places, named }: Ground) =>
  administering(places.brokers, async (admin) => {
    const topic = named.topic(inputs)
    const ends = await admin.fetchTopicOffsets(topic)
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }))
    await admin.deleteTopicRecords({ topic, partitions })
  })

export const ofTopics: readonly Fault[] = deeds.map((deed) => ({
  name: deed.fault,
  brokers: 1,
  run: (servers, measure) => refused(servers, measure, deed),
}))
