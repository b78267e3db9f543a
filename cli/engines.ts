/** Which log and which schema registry a configuration means: the one place where engines differ. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { trouble } from '../adapters/files/trouble.ts'
import { kafkaAccess, registryAccess } from './access.ts'
import { openKafkaLog } from '../adapters/kafka/log.ts'
import { confluentRegistry } from '../adapters/registry/index.ts'
import { openSqliteLog } from '../adapters/sqlite/log.ts'
import { sqliteRegistry } from '../adapters/sqlite/registry.ts'
import { Fatal, sentence } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Logger } from '../runtime/observe.ts'
import type { SchemaRegistry } from '../schemas/registry.ts'
import type { Config } from './config.ts'

export interface Engine {
  readonly log: Log
  readonly registry: SchemaRegistry
}

export interface Opening {
  /** Topics and schemas that are missing are made; workers on Kafka only verify them. */
  readonly create: boolean
  /** How long a server that is away is waited for, in milliseconds (default: a minute). */
  readonly patience?: number
}

/** For a look at how things are: who looks wants to hear that a server is away, and not to wait for it. */
export const glance: Opening = { create: false, patience: 5_000 }

/** The folder of what this machine keeps, made where it is missing. */
export const folder = (path: string): string => {
  try {
    mkdirSync(path, { recursive: true })
    return path
  } catch (error) {
    const why = sentence(trouble(path, error)).replace(/; .*/, '')
    throw new Fatal(`the data folder ${why}; name another one with --data`, { cause: error })
  }
}

type Open = (config: Config, opening: Opening, logger: Logger) => Promise<Engine>

const engines: Record<Config['engine'], Open> = {
  async embedded({ data }) {
    const log = await openSqliteLog(join(folder(data), 'log.sqlite'))
    return { log, registry: sqliteRegistry(log) }
  },
  async kafka(config, { create, patience = 60_000 }, logger) {
    const registry = confluentRegistry({ ...(await registryAccess(config)), create, patience, logger })
    const onWaiting = (why: string) => logger.warn({}, why)
    const log = await openKafkaLog({ ...(await kafkaAccess(config)), create, patience, onWaiting })
    return { log, registry }
  },
}

/** @throws Unavailable or Fatal with a sentence that names the server. */
export const openEngine: Open = (config, opening, logger) => engines[config.engine](config, opening, logger)
