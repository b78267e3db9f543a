/**
 * Scale by partition: 1, 2, 3 and 6 worker processes on 6 partitions, each with a SIMULATED scorer of its own (a sleep,
 * uniform between 250 and 750 ms, 16 calls at once: 32 a second). Then a seventh joins and has nothing to do, one is killed
 * (SIGKILL), and one leaves (SIGTERM); how long it takes each time until the rate is full.
 *
 *     npm run bench -- kafka/scale [--json] [--seconds N] [--session MS]
 */
import { parseArgs } from 'node:util'
import { bench, filled, partitions, settingOn, type Setting } from './bench.ts'
import { startNode, type Child } from './child.ts'
import { outputs } from './lines.ts'
import { loadNow, rounded } from './machine.ts'
import { watch, type Watch } from './watch.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '30' },
    session: { type: 'string', default: '10000' },
  },
})
const [seconds, session] = [Number(values.seconds), Number(values.session)]
const scorer = { mean: 500, concurrency: 16 }
const each = scorer.concurrency / (scorer.mean / 1000)
/** The rate is full when a stretch of three seconds has so much of what is ideal: chance moves it by some percent. */
const [full, stretch] = [0.95, 3000]
/** With few enough records in hand, a lane's are done soon after it was handed over. */
const policy = { inFlight: 32 }

const joined = ({ brokers, registry, prefix, partitions }: Setting) =>
  startNode('worker.ts', { brokers, registry, prefix, partitions, policy, stage: 'copy', scorer, session })

/** Waits for the full rate of so many workers that have lanes, then measures. */
const settledAt = async (what: string, working: number, seen: Watch, since: number) => {
  const at = await seen.until(full * working * each, since, stretch)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const rate = seen.rate(at, at + seconds * 1000)
  return {
    ...{ what, working, load: loadNow(), perSecond: rounded(rate, 1), ofLinear: rounded(rate / (working * each), 3) },
    secondsToFullRate: rounded((at - stretch - since) / 1000, 1),
  }
}

await bench(values.json, async (servers, say) => {
  const setting = settingOn(servers)
  await filled(setting, Math.ceil(each * (seconds + 15) * 34), 200)
  const seen = await watch(setting.brokers, setting.named.topic(outputs))
  const workers: Child[] = []
  const figures: object[] = []
  const phase = async (what: string, working: number, act: () => Promise<unknown>) => {
    const since = performance.now()
    await act()
    const figure = await settledAt(what, working, seen, since)
    figures.push(figure)
    say(figure)
  }
  for (const count of [1, 2, 3, partitions])
    await phase(`${count} workers`, count, async () => {
      while (workers.length < count) workers.push(joined(setting))
    })
  const seventh = joined(setting)
  let works = false
  void seventh.said('settled').then(() => (works = true))
  await phase('a seventh joins', partitions, () => seventh.said('ready'))
  const idle = !works
  await phase('one of six is killed (SIGKILL), the seventh takes over', partitions, () => workers.pop()!.end('SIGKILL'))
  const tookOver = works
  await phase('one leaves (SIGTERM): five for six partitions', partitions - 1, () => workers.pop()!.end())
  for (const worker of [...workers, seventh]) await worker.end()
  await seen.stop()
  return { scorer, sessionMs: session, seventhIdle: idle, seventhTookOver: tookOver, figures, target: 0.95 }
})
