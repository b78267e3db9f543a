/** What happens to importers: killed, stopped, and given the same file again. */
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { openKafkaLog } from '../../adapters/kafka/log.ts'
import { names } from '../../runtime/topic.ts'
import { avroCodec } from '../../schemas/codec.ts'
import { confluentRegistry } from '../../adapters/registry/index.ts'
import { byName, queries, runs } from '../../topics/index.ts'
import { storm } from '../crash/blows.ts'
import { generatedQueries, writeJsonLines } from '../crash/material.ts'
import { eventually, run, start, type Running } from '../crash/tool.ts'
import { compared, seenIn } from './audit.ts'
import { prefixOf, type Fault } from './fault.ts'
import { onlyOf, type Servers } from './servers.ts'
import { tenant } from './tenant.ts'

const importer = join(import.meta.dirname, 'importer.ts')

/** Until the first records are in the log. */
const entering = (running: Running) =>
  eventually('the first records', 120_000, () => running.said().includes('entering') || undefined, running)

/** Queries by key and content; the run closed with their number. */
const judged = async (servers: Servers, prefix: string, stream: string, asked: ReturnType<typeof generatedQueries>) => {
  const named = names(prefix, stream)
  const registry = confluentRegistry({ url: servers.registry.url })
  const codec = avroCodec(registry, { subject: (topic) => `${named.topic(byName(topic))}-value` })
  const wanted = new Map(asked.map(({ id, question, answers }) => [`imported/${id}`, { question, answers }]))
  const log = await openKafkaLog({ brokers: servers.brokers })
  const places = { log, brokers: servers.brokers, node: onlyOf(servers) }
  const found = await seenIn(places, named.topic(queries))
  const wrong: string[] = []
  for (const { key, value } of found) {
    const { question, answers } = (await codec.decode(queries, value!)).query
    if (!isDeepStrictEqual({ question, answers }, wanted.get(key))) wrong.push(`${key} differs`)
  }
  const entries = (await seenIn(places, named.topic(runs))).filter(({ key }) => key === `${stream}/imported`)
  const entry = await codec.decode(runs, entries.at(-1)?.value ?? Buffer.alloc(0))
  if (entry.state !== 'closed' || entry.count !== asked.length) wrong.push(`the run is ${entry.state}(${entry.count})`)
  await log.close()
  const keys = found.map(({ key }) => key)
  const { lost, doubled, foreign } = compared(wanted.keys(), keys)
  return {
    seen: keys.length,
    lost: lost.length,
    doubled: doubled.length + foreign.length,
    wrong,
    closed: entry.count ?? 0,
  }
}

const importerKilled: Fault = {
  name: 'importer-killed',
  brokers: 1,
  async run(servers, { records, seed, short, folder, say }) {
    const prefix = prefixOf('import')
    const asked = generatedQueries(records)
    const file = writeJsonLines(join(folder, 'queries.jsonl'), asked)
    const flags = JSON.stringify(tenant(servers, prefix, folder).flags)
    const begin = (stream: string) => start([flags, stream, file], importer)
    const began = Date.now()
    const calm = begin('calm')
    await entering(calm)
    const entered = performance.now()
    const { code, err } = await calm.ended
    if (code !== 0) throw new Error(`the undisturbed importer ended with ${code}: ${err}`)
    const trials = await storm({
      ...{ kills: short ? 2 : 10, seed, begun: entering, within: (performance.now() - entered) / 2 },
      fresh: (trial) => `trial${trial}`,
      start: begin,
      onKill: async ({ number, trial, seconds }) =>
        say(`kill ${number} (trial ${trial}) after ${seconds.toFixed(1)} s`),
    })
    const found: Awaited<ReturnType<typeof judged>>[] = []
    for (const { folder: stream } of trials) {
      await run([flags, stream, file], importer) // the same file once more
      found.push(await judged(servers, prefix, stream, asked))
    }
    const sum = (of: (each: (typeof found)[number]) => number) => found.reduce((n, each) => n + of(each), 0)
    const kills = trials.reduce((n, { attempts }) => n + attempts.length - 1, 0)
    const slowest = Math.max(...trials.flatMap(({ attempts }) => attempts.slice(1).map(({ seconds }) => seconds)))
    return {
      ...{ records: records * trials.length, seen: sum(({ seen }) => seen), rejects: [], again: 0 },
      ...{
        lost: sum(({ lost }) => lost),
        doubled: sum(({ doubled }) => doubled),
        counted: sum(({ closed }) => closed),
      },
      seconds: (Date.now() - began) / 1000,
      wrong: found.flatMap(({ wrong }) => wrong),
      remarks: [
        `${kills} kills of ${trials.length} imports of ${records} records, each file given once more at the end`,
        `the slowest start after a kill took ${slowest.toFixed(1)} s in all`,
      ],
    }
  },
}

export const ofImports = [importerKilled]
