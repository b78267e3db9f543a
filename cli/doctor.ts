/** What a configuration needs and whether it is there: every part is really used, as a command would use it. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { access, constants, statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { totalmem, availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { transport } from '../adapters/registry/transport.ts'
import { Fatal, sentence, Unavailable } from '../runtime/errors.ts'
import { unobserved } from '../runtime/observe.ts'
import { within } from '../runtime/wait.ts'
import { registryAccess } from './access.ts'
import { isBegun, openPlace } from './collections.ts'
import type { Io } from './command.ts'
import { home, type Config } from './config.ts'
import { glance, openEngine } from './engines.ts'
import { openReader } from './readers.ts'
import { models } from './world.ts'

/** `missing`: nothing of this configuration needs it. */
export type Health = 'well' | 'ill' | 'missing'

export interface Finding {
  readonly what: string
  readonly health: Health
  /** A version and what it can do, or what is wrong and what helps. */
  readonly said: string
}

interface Check {
  readonly what: string
  /** Commands of this configuration fail without it. */
  readonly needed: boolean
  /** @throws with a sentence where it is not well */
  readonly look: (signal: AbortSignal) => Promise<string>
}

const machine: Check = {
  what: 'machine',
  needed: true,
  look: async () =>
    `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores, ` +
    `${Math.round(totalmem() / 2 ** 30)} GB`,
}

/** The nearest folder above that is there. */
const present = (path: string): string => (existsSync(path) ? path : present(dirname(path)))

const dataFolder = ({ data }: Config): Check => ({
  what: 'data folder',
  needed: true,
  async look() {
    const folder = present(resolve(data))
    await access(folder, constants.W_OK).catch(() => {
      throw new Fatal(`${folder} cannot be written to: name another one with --data`)
    })
    const { bavail, bsize } = await statfs(folder)
    return `${resolve(data)}${folder === resolve(data) ? '' : ' (not made yet)'}, ${(Number(bavail * bsize) / 2 ** 30).toFixed(0)} GB free`
  },
})

const log = (config: Config): Check => ({
  what: config.engine === 'kafka' ? 'Kafka' : 'log',
  needed: true,
  async look() {
    const path = join(config.data, 'log.sqlite')
    if (config.engine === 'embedded' && !existsSync(path)) return `${path} (not made yet)`
    const opened = await openEngine(config, glance, unobserved.logger)
    await opened.log.close()
    return opened.log.name
  },
})

const registry = (config: Config): Check => ({
  what: 'schema registry',
  needed: true,
  async look() {
    const to = transport(await registryAccess(config))
    const subjects = (await to.ask('GET', '/subjects')) as unknown[]
    return `${to.shown}, ${subjects.length} subjects`
  },
})

const store = (config: Config): Check => ({
  what: config.store.engine === 'milvus' ? 'Milvus' : 'store',
  needed: true,
  async look(signal) {
    if (!isBegun(config)) return 'nothing is indexed yet'
    const place = await openPlace(config)
    try {
      const current = await place.find(undefined, signal)
      const all = await place.list(signal)
      if (!current) return `${place.name}: ${all.length} collections, none of them current`
      const count = await place.count(current.name, signal)
      return `${place.name}: ${all.length} collections; ${current.name} is current, ${count} passages of ${current.manifest.encoder.model}`
    } finally {
      await place.close()
    }
  },
})

const encoder = (config: Config, io: Io): Check => ({
  what: 'encoder',
  needed: true,
  async look(signal) {
    const opened = models(config, io.screen, io.env)
    try {
      const embedder = await opened.embedder()
      await embedder.embed(['water'], 'query', signal)
      const { model, dimension, pooling, normalised } = embedder.identity
      return `${model}: ${dimension} numbers, ${pooling} pooling${normalised ? ', normalised' : ''}`
    } finally {
      await opened.closeAll()
    }
  },
})

const reader = (config: Config, io: Io): Check => ({
  what: config.reader.engine === 'vllm' ? 'vLLM' : 'reader',
  needed: true,
  async look(signal) {
    const opened = await openReader(config, {
      ...{ home: home(io.env), observe: unobserved, signal },
      onProgress: () => {},
    })
    try {
      const { model, dtype, server, runner, plugin } = opened.scorer.identity
      const parts = [server, runner === '' ? '' : `runner ${runner}`, plugin].filter((part) => part !== '')
      return `${model} in ${dtype} on ${parts.join(', ')}; gains are ${opened.scorer.exact ? 'exact' : 'approximate'}`
    } finally {
      await opened.close()
    }
  },
})

const lines = (text: string) => text.trim().split('\n')

const program = (what: string, args: readonly string[], why: string): Check => ({
  what,
  needed: false,
  async look() {
    const { stdout, stderr, status } = spawnSync(what, args, { encoding: 'utf8', timeout: 10_000 })
    if (status !== 0) throw new Unavailable(`not found; ${why}`)
    return lines(`${stdout}${stderr}`)[0]!
  },
})

/** A package that may be left out. */
const optional = (what: string, why: string): Check => ({
  what,
  needed: false,
  async look() {
    try {
      const entry = createRequire(import.meta.url).resolve(what)
      const root = entry.slice(0, entry.lastIndexOf(join('node_modules', what)) + join('node_modules', what).length)
      return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
    } catch {
      throw new Unavailable(`not installed; ${why}`)
    }
  },
})

const checks = (config: Config, io: Io): Check[] => [
  machine,
  dataFolder(config),
  log(config),
  ...(config.engine === 'kafka' ? [registry(config)] : []),
  encoder(config, io),
  store(config),
  reader(config, io),
  optional('onnxruntime-node', 'encoders in this process need it'),
  optional('usearch', 'store.index: hnsw of the embedded store needs it: npm install usearch'),
  program('python3', ['--version'], 'models are prepared, and vLLM and Milvus Lite installed, by Python 3.10 or newer'),
  program('java', ['-version'], 'gainstream up fetches one for the broker'),
  program('docker', ['version', '--format', '{{.Server.Version}}'], 'only images and compose files need it'),
]

/** How long one part may take: a model may have to be fetched first, a server that is away is not waited for. */
const patience = 120_000

const finding = async ({ what, needed, look }: Check, signal: AbortSignal): Promise<Finding> => {
  const late = () => new Unavailable(`no answer within ${patience / 1000} s`)
  try {
    return { what, health: 'well', said: await within(patience, signal, look, late) }
  } catch (error) {
    signal.throwIfAborted()
    return { what, health: needed ? 'ill' : 'missing', said: sentence(error) }
  }
}

/** One after the other, each told as soon as it is known. */
export async function* examined(config: Config, io: Io): AsyncGenerator<Finding> {
  for (const check of checks(config, io)) yield await finding(check, io.signal)
}
