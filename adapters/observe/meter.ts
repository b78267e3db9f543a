/** Metrics of this process for Prometheus, under the names of runtime/metrics.ts. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { metrics, type Metric } from '../../runtime/metrics.ts'
import type { Amount, Meter } from '../../runtime/observe.ts'

type Labels = Readonly<Record<string, string | number>>

export interface PrometheusMeter {
  /** What a stream measures: its name is a label of everything. */
  of(stream: string): Meter
  /** All of it as text, and of which kind. Gauges that do not answer within `patience` ms are left out. */
  scrape(): Promise<{ readonly type: string; readonly body: string }>
}

interface Watched {
  readonly labels: Labels
  readonly read: () => Amount | Promise<Amount>
}

const late = (ms: number) =>
  new Promise<undefined>((resolve) => {
    setTimeout(() => resolve(undefined), ms).unref()
  })

/** What is read may fail or hang: then there is nothing to say, and everybody else is still heard. */
const readingOf = async ({ read }: Watched, patience: number): Promise<Amount> => {
  try {
    return await Promise.race([read(), late(patience)])
  } catch {
    return undefined
  }
}

/** A gauge that is read anew each time; of two with the same labels the younger one counts. */
const watchedGauge = (name: string, { help, labels }: Metric, registry: Registry, patience: number) => {
  const all = new Set<Watched>()
  new Gauge({
    ...{ name, help, labelNames: ['stream', ...labels], registers: [registry] },
    async collect() {
      const found = await Promise.all([...all].map(async (each) => ({ each, value: await readingOf(each, patience) })))
      this.reset()
      for (const { each, value } of found) if (value !== undefined) this.set({ ...each.labels }, value)
    },
  })
  return (watched: Watched) => {
    all.add(watched)
    return () => void all.delete(watched)
  }
}

/** @param patience milliseconds that a scrape waits for a gauge */
export const prometheusMeter = (patience = 2000): PrometheusMeter => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counters = new Map<string, Counter>()
  const histograms = new Map<string, Histogram>()
  const gauges = new Map<string, ReturnType<typeof watchedGauge>>()
  for (const [name, metric] of Object.entries<Metric>(metrics)) {
    const { help, labels, buckets = [] } = metric
    const common = { name, help, labelNames: ['stream', ...labels], registers: [registry] }
    if (metric.type === 'counter') counters.set(name, new Counter(common))
    else if (metric.type === 'histogram') histograms.set(name, new Histogram({ ...common, buckets: [...buckets] }))
    else gauges.set(name, watchedGauge(name, metric, registry, patience))
  }
  return {
    of: (stream) => ({
      count: (name, value, labels) => counters.get(name)?.inc({ stream, ...labels }, value),
      observe: (name, value, labels) => histograms.get(name)?.observe({ stream, ...labels }, value),
      watch: (name, read, labels) => gauges.get(name)?.({ labels: { stream, ...labels }, read }) ?? (() => {}),
    }),
    scrape: async () => ({ type: registry.contentType, body: await registry.metrics() }),
  }
}
