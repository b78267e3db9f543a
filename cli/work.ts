import { stagesOfTopology, type Topology } from '../processors/index.ts'
import { engine, type Engine } from '../runtime/engine.ts'
import { Fatal, sentence, Unavailable } from '../runtime/errors.ts'
import type { Logger } from '../runtime/observe.ts'
import { pause } from '../runtime/wait.ts'
import type { RunEntry } from '../schemas/control.ts'
import { decisions, rejects, totals } from '../topics/index.ts'
import { progress } from './progress.ts'
import { derivedOf } from './replay/derived.ts'
import { concernsOf, outcomesOf, runState, settledBy, type RunState } from './runs.ts'
import { stagesOf } from './stages.ts'
import { unlessStopped } from './stopping.ts'
import type { World } from './world.ts'

/** Thrown when Ctrl-C ended the work: what is settled stays, and the same command goes on from there. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

export interface Working {
  /** Names of the stages, in the order of the topology. */
  readonly stages: readonly string[]
  /** Follow this run's progress. */
  readonly entry?: RunEntry
  /** Follow that of several. */
  readonly entries?: readonly RunEntry[]
  readonly what: string
  /** What else is to be said of the one run that is followed, e.g. its figures so far. */
  readonly note?: (state: RunState) => string
  /** End when everything that is there has been settled; otherwise only the signal ends the work. */
  readonly untilEmpty: boolean
}

/** How many queries each stage has settled, and how the last one's ended. */
const noteOf = ({ stages, outcomes, rejected }: RunState, names: readonly string[], topology: Topology) => {
  const last = stagesOfTopology(topology).at(-1)
  const before = names.filter((name) => name !== last).map((name) => `${name} ${settledBy(stages[name]?.counts ?? {})}`)
  return [...before, outcomesOf(outcomes, rejected)].filter((part) => part !== '').join(', ')
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)

/** Queries of these runs, once all of them are closed. */
const totalOf = (entries: readonly RunEntry[]): number | undefined =>
  entries.every(({ count }) => count !== null) ? sum(entries.map(({ count }) => count ?? 0)) : undefined

const statesOf = async (world: World, entries: readonly RunEntry[]) => {
  const states: RunState[] = []
  for (const each of entries) states.push(await runState(world, each))
  return states
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** A worker that is given nothing says so once: whoever waits for it wants to know for whom it waits. */
const tellIdle = async ({ stages }: Engine, logger: Logger, signal: AbortSignal) => {
  await pause(5000, signal)
  const idle = stages.filter(({ partitions }) => partitions.length === 0).map(({ name }) => name)
  if (signal.aborted || idle.length === 0) return
  const why = 'other workers hold them all, or one that died does until its session ends (45 s on Kafka, 10 s without)'
  logger.warn({ stages: idle.join(', ') }, `no partition yet: ${why}`)
}

/** Runs stages as one worker until they are empty or the signal aborts, and says how far they are. */
export const work = async (world: World, working: Working, signal: AbortSignal) => {
  const { what, untilEmpty, entry, entries = entry ? [entry] : [], note: more = () => '' } = working
  const { log, codec, names, now, config, observe, observing, tables, screen } = world
  const derived = await derivedOf(world)
  const stages = derived?.stages(working.stages) ?? working.stages
  const bound = (await stagesOf(world, stages, signal)).map((each) => derived?.bound(each) ?? each)
  const beginning = engine({
    ...{ log, codec, names, now, observe, rejects, totals, stages: bound },
    concerns: derived?.concerns ?? concernsOf(world),
    ...{ partitions: config.partitions, table: tables.totals, decisions },
  })
  const running = await unlessStopped(beginning, signal, (late) => late.stop())
  const leave = observing.follow(running, log)
  const bar = progress(what, screen)
  const watching = new AbortController()
  const show = async () => {
    if (entries.length === 0) return
    const states = await statesOf(world, entries)
    const [state, only] = [states[0]!, entries[0]!]
    const own = [noteOf(state, stages, only.topology as Topology), more(state)].filter((part) => part !== '')
    const note = entries.length > 1 ? `${entries.length} runs` : own.join(': ')
    bar.update(sum(states.map(({ done }) => done)), totalOf(entries), note)
  }
  const watch = async () => {
    while (!watching.signal.aborted) {
      await show().catch((error: unknown) => {
        if (error instanceof Fatal) throw error
        // Shown again when the log is back; and work that goes well does not end because nobody can be shown it.
        if (!(error instanceof Unavailable)) observe.logger.warn({ error: sentence(error) }, 'progress cannot be shown')
      })
      await pause(500, watching.signal)
    }
  }
  const watched = watch()
  void tellIdle(running, observe.logger, watching.signal)
  const stopped = aborted(signal)
  try {
    await Promise.race([untilEmpty ? running.untilEmpty(signal) : stopped, stopped, running.failed, watched])
  } finally {
    watching.abort()
    leave()
    await running.stop()
    await watched.catch(() => {})
    await show().catch(() => {})
    bar.end()
  }
  if (signal.aborted && untilEmpty) throw new Interrupted('stopped; the same command goes on from here')
}
