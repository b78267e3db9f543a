/**
 * The process that is measured: the real engine with the real `label` stage on the vLLM adapter. `workers.ts` starts it;
 * what it has settled, and how its process is, it says four times a second.
 */
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { openVllm, type OpenVllm, type VllmOptions } from '../../../adapters/vllm/index.ts'
import { answering } from '../../../method/prompt.ts'
import { label } from '../../../processors/label.ts'
import { bind, engine } from '../../../runtime/engine.ts'
import { sentence } from '../../../runtime/errors.ts'
import { unobserved, type Observe } from '../../../runtime/observe.ts'
import { table } from '../../../runtime/table.ts'
import { rejects, totals } from '../../../topics/index.ts'
import { openWorld, type Place } from './world.ts'

/** What a worker is told on its command line, as JSON. */
export interface Orders {
  readonly place: Place
  readonly prefix: string
  readonly partitions: number
  readonly vllm: Pick<VllmOptions, 'source' | 'times' | 'timeout' | 'concurrency' | 'patience'>
  /** Records of one partition in work at once. */
  readonly inFlight: number
  readonly passageTokens: number
}

/** What a worker says of itself. Times in milliseconds, memory in bytes. */
export interface Report {
  readonly at: number
  readonly settled: number
  readonly rejected: number
  readonly rss: number
  readonly heap: number
  /** Of the event loop, from the begin; 5 ms of it are the pause between two looks. */
  readonly delay: { readonly p99: number; readonly max: number }
  /** Time that the main thread computed between two looks: what is left of the delay on a machine of its own. */
  readonly busy: { readonly p99: number; readonly max: number }
  readonly cpu: number
  readonly members: readonly {
    readonly key: string
    readonly state: string
    readonly limit: number
    readonly inFlight: number
  }[]
}

interface Counts {
  settled: number
  rejected: number
}

const observing = (counts: Counts): Observe => ({
  ...unobserved,
  logger: {
    ...unobserved.logger,
    info: (fields, message) => console.error(JSON.stringify({ at: new Date().toISOString(), message, ...fields })),
    warn: (fields, message) => console.error(JSON.stringify({ at: new Date().toISOString(), message, ...fields })),
  },
  meter: {
    ...unobserved.meter,
    count: (name, value) => {
      if (name === 'gainstream_records_settled_total') counts.settled += value
      if (name === 'gainstream_records_rejected_total') counts.rejected += value
    },
  },
})

/** Looks every 5 ms how long the main thread has computed since. */
const watchedThread = () => {
  const busy = createHistogram()
  const used = () => {
    const { user, system } = process.threadCpuUsage()
    return user + system
  }
  let last = used()
  setInterval(() => {
    const now = used()
    busy.record(Math.max(1, now - last))
    last = now
  }, 5).unref()
  return () => ({ p99: busy.percentile(99) / 1e3, max: busy.max / 1e3 })
}

const reporting = (counts: Counts, members: OpenVllm['members']) => {
  const whole = monitorEventLoopDelay({ resolution: 5 })
  whole.enable()
  const busy = watchedThread()
  const report = () => {
    const { rss, heapUsed: heap } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const said: Report = {
      ...{ at: Date.now(), ...counts, rss, heap, cpu: (user + system) / 1e3, members: members() },
      delay: { p99: whole.percentile(99) / 1e6, max: whole.max / 1e6 },
      busy: busy(),
    }
    process.stdout.write(`${JSON.stringify(said)}\n`)
  }
  return setInterval(report, 250)
}

const work = async ({ place, prefix, partitions, vllm, inFlight, passageTokens }: Orders) => {
  const { log, named, codec } = await openWorld(place, prefix)
  const counts = { settled: 0, rejected: 0 }
  const observe = observing(counts)
  const { scorer, reader, endpoint, members, close } = await openVllm({ ...vllm, observe })
  const harmless = { question: 'Is water wet?', passages: [], template: answering, maxTokens: 1, passageTokens: 1 }
  const canary = async (signal: AbortSignal) => void (await reader.answer(harmless, signal))
  const limits = { alpha: 0.5, passageTokens, maxGolds: 8, exactGolds: false, settings: 'faults' }
  const bound = bind(label, { scorer, prompt: () => answering, ...limits }, { endpoints: [endpoint], canary, policy: { inFlight } }) // prettier-ignore
  const running = await engine({
    ...{ log, codec, names: named, partitions, totals, rejects, now: Date.now, observe, stages: [bound] },
    table: table(log, named.topic(totals)),
  })
  running.failed.catch(stopped)
  const timer = reporting(counts, members)
  process.once('SIGTERM', () => {
    clearInterval(timer)
    void running.stop().then(close).then(() => log.close()).then(() => process.exit(0)) // prettier-ignore
  })
}

const stopped = (error: unknown) => {
  console.error(`stopped: ${sentence(error)}`)
  process.exit(1)
}

if (process.argv[2]) await work(JSON.parse(process.argv[2]) as Orders).catch(stopped)
