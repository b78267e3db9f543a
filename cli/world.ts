/**
 * The composition root: reads nothing but the configuration it is given, builds adapters when they are first asked
 * for, and closes what it opened.
 */
import type { Embedder } from '../method/ports.ts'
import type { Codec } from '../runtime/codec.ts'
import type { Log } from '../runtime/log.ts'
import type { Observe } from '../runtime/observe.ts'
import { table, type Table } from '../runtime/table.ts'
import { names, type Names } from '../runtime/topic.ts'
import { avroCodec } from '../schemas/codec.ts'
import { byName, runs, selectors, streams, totals } from '../topics/index.ts'
import { warnings } from './access.ts'
import { openStores, type Stores } from './collections.ts'
import { home, type Config } from './config.ts'
import { openEncoder } from './encoders.ts'
import { openEngine, type Opening } from './engines.ts'
import { loggerOf, openObserving, type Observing } from './observing.ts'
import { progress, type Screen } from './progress.ts'
import { guarded, openReader, type GuardedReader } from './readers.ts'
import { openChoosing, type Choosing } from './selectors.ts'
import { pinned } from './selectors/pinning.ts'

type Opened<T> = () => Promise<T>

export interface World {
  readonly config: Config
  readonly screen: Screen
  readonly observe: Observe
  readonly observing: Observing
  readonly log: Log
  readonly codec: Codec
  readonly names: Names
  readonly now: () => number
  /** Control topics as this process last read them. */
  readonly tables: Readonly<Record<'runs' | 'streams' | 'totals' | 'selectors', Table>>
  /** The signal ends the waiting for servers that are away. */
  readonly reader: (signal?: AbortSignal) => Promise<GuardedReader>
  readonly embedder: Opened<Embedder>
  readonly stores: Opened<Stores>
  /** What chooses in this stream; the signal ends the waiting for it. */
  readonly choosing: (signal: AbortSignal) => Promise<Choosing>
  /** The same world with another stream and settings: one log, one model. */
  as(config: Config): World
  close(): Promise<void>
}

/** What is opened once, when somebody asks for it, and closed with the world. */
const lazily = () => {
  const closers: (() => Promise<void>)[] = []
  const once = <A extends unknown[], T extends { close(): Promise<void> }>(open: (...given: A) => Promise<T>) => {
    let opened: Promise<T> | undefined
    return (...given: A): Promise<T> =>
      (opened ??= open(...given).then((made) => {
        closers.unshift(() => made.close())
        return made
      }))
  }
  return {
    once,
    closeAll: async () => {
      for (const close of closers) await close()
    },
  }
}

/** The world without its models and its log: what the commands that only compute on files need, too. */
export const models = (config: Config, screen: Screen, env: NodeJS.ProcessEnv) => {
  const { once, closeAll } = lazily()
  const logger = loggerOf(config, screen)
  const steps = () => {
    const bars = new Map<string, ReturnType<typeof progress>>()
    return (what: string, done: number, total?: number) => {
      const bar = bars.get(what) ?? progress(what, screen)
      bars.set(what, bar)
      bar.update(done, total)
    }
  }
  const opened = once((observe: Observe, signal?: AbortSignal) =>
    openReader(config, { home: home(env), onProgress: steps(), observe, signal }),
  )
  const reader = async (observe: Observe, signal?: AbortSignal) =>
    guarded(await opened(observe, signal), config, observe)
  const embedder = once(() => openEncoder(config, { home: home(env), onProgress: steps(), logger }))
  const stores = once(async () => openStores(config, (await embedder()).identity))
  return { reader, embedder, stores, closeAll }
}

/** @throws Unavailable or Fatal when the log or the registry of the configuration cannot be had. */
export const openWorld = async (
  config: Config,
  screen: Screen,
  env: NodeJS.ProcessEnv,
  opening: Opening = { create: false },
): Promise<World> => {
  const logger = loggerOf(config, screen)
  const observing = await openObserving(config, logger)
  for (const warning of warnings(config)) logger.warn({ engine: config.engine }, warning)
  const { log, registry } = await openEngine(config, opening, logger)
  const codecs = new Map<string, Codec>()
  /** Subjects stand under the topic's whole name, so that other Avro clients find them. */
  const codecOf = (named: Names) => {
    const subject = (topic: string) => `${named.topic(byName(topic))}-value`
    const key = `${named.prefix}.${named.stream}`
    const own = codecs.get(key) ?? avroCodec(registry, { subject })
    codecs.set(key, own)
    return own
  }
  const made = new Map<string, ReturnType<typeof models>>()
  /** Streams of the same models share them. */
  const modelsOf = (settings: Config) => {
    const { encoder, reader, vllm, label, data, store, milvus, prefix } = settings
    const { measure, approximate } = label
    const key = JSON.stringify([encoder, reader, vllm, measure, approximate, data, store, milvus, prefix])
    const own = made.get(key) ?? models(settings, screen, env)
    made.set(key, own)
    return own
  }
  const read = new Map<string, Table>()
  /** Streams under one prefix have their control topics in common. */
  const tableOf = (topic: string) => {
    const own = read.get(topic) ?? table(log, topic)
    read.set(topic, own)
    return own
  }
  const tablesOf = (named: Names) => ({
    runs: tableOf(named.topic(runs)),
    streams: tableOf(named.topic(streams)),
    totals: tableOf(named.topic(totals)),
    selectors: tableOf(named.topic(selectors)),
  })
  const choosers = lazily()
  const of = (given: Config): World => {
    const settings = pinned(given)
    const { reader, embedder, stores } = modelsOf(settings)
    const named = names(settings.prefix, settings.stream)
    const tables = tablesOf(named)
    const codec = codecOf(named)
    const observe = observing.of(named.stream)
    return {
      ...{
        config: settings,
        screen,
        observe,
        observing,
        log,
        codec,
        names: named,
        now: Date.now,
        tables,
        reader: (signal) => reader(observe, signal),
        embedder,
        stores,
      },
      choosing: choosers.once((signal) =>
        openChoosing({ log, codec, names: named, config: settings, observe }, signal),
      ),
      as: of,
      async close() {
        await choosers.closeAll()
        for (const { closeAll } of made.values()) await closeAll()
        await observing.close()
        await log.close()
      },
    }
  }
  return of(config)
}
