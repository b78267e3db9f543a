/** What a worker says of itself: its log lines, its metrics and traces, and whether it is ready. */
import { jsonLogger, terminalLogger } from '../adapters/logger.ts'
import type { PrometheusMeter, Reasons, Server } from '../adapters/observe/index.ts'
import type { Traces } from '../adapters/observe/tracer.ts'
import type { Engine } from '../runtime/engine.ts'
import { sentence, Unavailable } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { unobserved, type Logger, type Observe } from '../runtime/observe.ts'
import { within } from '../runtime/wait.ts'
import type { Config } from './config.ts'
import type { Screen } from './progress.ts'
import { version } from './version.ts'

/** One line each on a terminal, JSON anywhere else. */
export const loggerOf = (config: Pick<Config, 'log'>, { tty, write }: Screen): Logger =>
  tty ? terminalLogger(config.log, (line) => write(`\r\u001b[2K${line}\n`)) : jsonLogger(config.log)

type Working = Pick<Engine, 'stages' | 'endpoints' | 'failed'>

export interface Observing {
  /** How a stream is observed. */
  of(stream: string): Observe
  /**
   * Serves /metrics, /healthz and /readyz until this is closed, where a port is configured.
   * @throws Fatal that names the setting, when nobody may listen there
   */
  serve(): Promise<void>
  /** From here on readiness is that of this work; call what comes back before it is stopped. */
  follow(work: Working, log: Pick<Log, 'describe'>): () => void
  /** Sends the last spans and stops serving. */
  close(): Promise<void>
}

const patience = 2000
const never = new AbortController().signal

/** Asks the log for the topic that the first stage reads. */
const reaches = async ({ stages }: Working, log: Pick<Log, 'describe'>): Promise<Reasons> => {
  const [first] = stages
  if (!first) return []
  const late = () => new Unavailable(`it did not answer within ${patience / 1000} s`)
  try {
    const found = await within(patience, never, () => log.describe(first.topic), late)
    return found ? [] : [`the topic ${first.topic} is gone`]
  } catch (error) {
    return [`the log cannot be reached: ${sentence(error)}`]
  }
}

const unready = async (work: Working, log: Pick<Log, 'describe'>): Promise<Reasons> => {
  const closed = work.stages.filter(({ ready }) => !ready).map(({ name }) => `${name} has not opened a partition yet`)
  const { endpoints } = work
  const cut = endpoints.length > 0 && endpoints.every(({ open }) => open)
  const away = cut ? [`nothing that is called answers: ${endpoints.map(({ name }) => name).join(', ')}`] : []
  return [...closed, ...away, ...(await reaches(work, log))]
}

/** Builds what the settings ask for, and loads nothing else. */
export const openObserving = async ({ observe }: Pick<Config, 'observe'>, logger: Logger): Promise<Observing> => {
  const { port, host, traces: url, sample } = observe
  const web = port === null ? undefined : await import('../adapters/observe/index.ts')
  const meter: PrometheusMeter | undefined = web?.prometheusMeter(patience)
  const traces: Traces | undefined =
    url === null
      ? undefined
      : (await import('../adapters/observe/tracer.ts')).otlpTraces({ url, sample, logger, version: version() })
  let server: Server | undefined
  let fatal: string | undefined
  let look = async (): Promise<Reasons> => ['it is starting']
  return {
    of: (stream) => ({
      logger,
      meter: meter?.of(stream) ?? unobserved.meter,
      tracer: traces?.of(stream) ?? unobserved.tracer,
    }),
    async serve() {
      if (port === null || !web || !meter || server) return
      const healthy = () => (fatal === undefined ? [] : [fatal])
      const ready = async () => [...healthy(), ...(await look())]
      server = await web.serve({ host, port, metrics: () => meter.scrape(), healthy, ready })
      logger.info({ host, port }, 'serving /metrics, /healthz and /readyz')
    },
    follow(work, log) {
      look = () => unready(work, log)
      work.failed.catch((error: unknown) => (fatal = sentence(error)))
      return () => (look = async () => ['it is stopping, or has nothing to do at present'])
    },
    async close() {
      await traces?.close()
      await server?.close()
    },
  }
}
