/** What happens to the tool's own commands: killed halfway and given again. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from '../../adapters/memory/random.ts'
import { runEntry, runState } from '../../cli/runs.ts'
import type { World } from '../../cli/world.ts'
import { pause } from '../../runtime/wait.ts'
import { answers, metrics, rejects } from '../../topics/index.ts'
import { run, start, type Running } from '../crash/tool.ts'
import { compared, seenIn } from './audit.ts'
import { prefixOf, type Fault, type Found } from './fault.ts'
import type { Measure } from './ground.ts'
import { answered, argumentsFor, asked, looking, tenant, unreadable, within, type Tenant } from './tenant.ts'

const ids = (count: number, prefix = 'q') => Array.from({ length: count }, (_, n) => `${prefix}${n}`)

interface Halfway {
  readonly kills: number
  readonly seed: number
  /** Milliseconds of the command from which moments are drawn. */
  readonly within: number
  readonly start: () => Running
  /** Resolves when it has begun with what counts, or has ended. */
  readonly begun: (running: Running) => Promise<unknown>
}

/** Kills a command and gives it again until it ends by itself: how often it was killed. @throws Error when it fails */
const killedHalfway = async ({ kills, seed, within: most, start: begin, begun }: Halfway): Promise<number> => {
  const moments = random(seed)
  for (let killed = 0; ; killed++) {
    const running = begin()
    if (killed < kills) {
      await Promise.race([running.ended, begun(running)])
      await Promise.race([running.ended, pause(moments.next() * most)])
      running.send('SIGKILL')
    }
    const { code, signal, err } = await running.ended
    if (code === 0) return killed
    if (signal !== 'SIGKILL') throw new Error(`it ended with ${code ?? signal}: ${err}`)
  }
}

/** Until it has said so, or has ended. */
const saying = (text: string) => async (running: Running) => {
  let over = false
  void running.ended.then(() => (over = true))
  while (!over && !running.said().includes(text)) await pause(20)
}

/** Until something is written to the topic, or the command has ended. */
const writing = (world: World, topic: string) => async (running: Running) => {
  let over = false
  void running.ended.then(() => (over = true))
  const ends = async () => (await world.log.describe(topic))?.partitions.reduce((sum, { end }) => sum + end, 0)
  for (const before = await ends(); !over && (await ends()) === before;) await pause(10)
}

const killsIn = ({ short }: Measure, often: number) => (short ? 2 : often)

const enough = (kills: number) => (kills === 0 ? ['it was never killed'] : [])

/** Metrics of a stream by query, and what its totals say. */
const graded = (of: Tenant, stream: string, wanted: readonly string[]) =>
  within(of, stream, async (world) => {
    const { places, named } = looking(of, world, stream)
    const seen = await seenIn(places, named.topic(metrics))
    const { lost, doubled, foreign } = compared(
      wanted,
      seen.map(({ key }) => key.slice(asked.length + 1)),
    )
    const entry = await runEntry(world, asked)
    const { outcomes, rejected, complete } = await runState(world, entry!)
    return {
      ...{ seen: seen.length, lost: lost.length, doubled: doubled.length + foreign.length },
      ...{ counted: outcomes['graded'] ?? 0, rejected, complete },
    }
  })

const replayKilled: Fault = {
  name: 'replay-killed',
  brokers: 1,
  async run(servers, measure): Promise<Found> {
    const of = tenant(servers, prefixOf('replay'), measure.folder)
    const wanted = ids(measure.records)
    await answered(of, 'main', wanted)
    const began = Date.now()
    const kills = await killedHalfway({
      ...{
        kills: killsIn(measure, 5),
        seed: measure.seed,
        within: measure.short ? 1_000 : 3_000,
        begun: saying('replaying'),
      },
      start: () => start(['replay', 'main/answers', '--as', 'again', '--execute', ...argumentsFor(of, 'main')]),
    })
    const seconds = (Date.now() - began) / 1000
    const { counted, complete, ...found } = await graded(of, 'again', wanted)
    const wrong = [
      ...enough(kills),
      ...(counted === wanted.length && complete ? [] : [`totals say ${counted}, complete: ${complete}`]),
    ]
    const remarks = [`${kills} kills`]
    return { ...found, counted, wrong, remarks, records: wanted.length, again: 0, rejects: [], seconds }
  },
}

/** Rejects that went back into the input, once each. */
const sentBack = (of: Tenant, stream: string, bad: readonly string[]) =>
  within(of, stream, async (world) => {
    const { places, named } = looking(of, world, stream)
    const again = (await seenIn(places, named.topic(answers))).filter(({ headers }) => 'supersedes' in headers)
    return compared(
      bad,
      again.map(({ key }) => key.slice(asked.length + 1)),
    )
  })

const retryKilled: Fault = {
  name: 'retry-killed',
  brokers: 1,
  async run(servers, measure): Promise<Found> {
    const of = tenant(servers, prefixOf('retry'), measure.folder)
    const [wanted, bad] = [ids(measure.records), ids(measure.short ? 60 : 200, 'bad')]
    await answered(of, 'main', wanted, bad.length)
    await unreadable(of, 'main', bad)
    const work = ['start', '--only', 'evaluate', '--until-empty', ...argumentsFor(of, 'main')]
    await run(work)
    const began = Date.now()
    const kills = await within(of, 'main', (world) =>
      killedHalfway({
        ...{ kills: killsIn(measure, 4), seed: measure.seed, within: measure.short ? 300 : 1_500 },
        begun: writing(world, world.names.topic(rejects)),
        start: () => start(['rejects', 'retry', '--execute', ...argumentsFor(of, 'main')]),
      }),
    )
    const seconds = (Date.now() - began) / 1000
    const back = await sentBack(of, 'main', bad)
    await run(work)
    const { counted, rejected, complete, ...found } = await graded(of, 'main', wanted)
    const wrong = [
      ...enough(kills),
      ...(counted === wanted.length && rejected === bad.length && complete
        ? []
        : [`totals say ${counted} graded and ${rejected} rejected, complete: ${complete}`]),
    ]
    return {
      ...{ ...found, counted, wrong, seconds, again: 0, rejects: bad, records: wanted.length + bad.length },
      lost: found.lost + back.lost.length,
      doubled: found.doubled + back.doubled.length + back.foreign.length,
      remarks: [`${kills} kills while ${bad.length} rejects went back`],
    }
  },
}

/** Keys of all rows of all shards. */
const exported = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.startsWith('answers-') && file.endsWith('.jsonl'))
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n'))
    .map((line) => (JSON.parse(line) as { context: { query: { id: string } } }).context.query.id)

const exportKilled: Fault = {
  name: 'export-killed',
  brokers: 1,
  async run(servers, measure): Promise<Found> {
    const of = tenant(servers, prefixOf('export'), measure.folder)
    const wanted = ids(measure.records)
    await answered(of, 'main', wanted)
    const folder = join(measure.folder, 'shards')
    const rolling = ['--follow', '--until-empty', '--roll-records', '50', '--out', folder, '--json']
    const began = Date.now()
    const kills = await killedHalfway({
      ...{ kills: killsIn(measure, 5), seed: measure.seed, within: measure.short ? 200 : 1_000 },
      begun: saying('exporting'),
      start: () => start(['export', 'answers', ...rolling, ...argumentsFor(of, 'main')]),
    })
    const rows = exported(folder)
    const { lost, doubled, foreign } = compared(wanted, rows)
    return {
      ...{ records: wanted.length, seen: rows.length, counted: rows.length, again: 0, rejects: [] },
      ...{ lost: lost.length, doubled: doubled.length + foreign.length, wrong: enough(kills) },
      seconds: (Date.now() - began) / 1000,
      remarks: [`${kills} kills, ${readdirSync(folder).filter((file) => file.endsWith('.jsonl')).length} shards`],
    }
  },
}

export const ofCommands = [replayKilled, retryKilled, exportKilled]
