/** A schema registry with the Confluent API: what Avro clients of every language share with the log's topics. */
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/observe.ts'
import { delay, pause } from '../../runtime/wait.ts'
import type { SchemaRegistry } from '../../schemas/registry.ts'
import { demanded, subjects, type Subjects } from './subjects.ts'
import type { Address } from './transport.ts'

export type { Auth } from './transport.ts'

export interface RegistryOptions extends Address {
  /** Registers schemas that are missing (default false: they are only looked for). */
  readonly create?: boolean
  /** How long `register` asks again while nobody answers, in milliseconds (default 60,000). */
  readonly patience?: number
  /** Hears once that somebody is waiting. */
  readonly logger?: Pick<Logger, 'warn'>
}

/**
 * Nothing is asked before the first call. `register` waits while the registry is away, as opening the log does; `schema`
 * says at once that it is, because lanes wait by themselves.
 */
export const confluentRegistry = (options: RegistryOptions): SchemaRegistry => {
  const { create = false, patience = 60_000, logger } = options
  const all = subjects(options)
  const found = async (subject: string, schema: object) => {
    const id = await all.id(subject, schema)
    if (id !== undefined) return id
    if (create) return entered(all, subject, schema)
    throw new Fatal(
      `the schema registry at ${all.name} does not have this version's schema of ${subject}: ` +
        'gainstream topics apply --execute registers what a stream needs',
    )
  }
  return {
    register: (subject, schema) => patiently(() => found(subject, schema), patience, logger),
    schema: (id) => all.schema(id),
  }
}

/** Registers a schema under a subject that from then on takes only what every version understands. */
export const entered = async (all: Subjects, subject: string, schema: object): Promise<number> => {
  if ((await all.level(subject)) !== demanded) await all.demandAll(subject)
  return all.register(subject, schema)
}

const patiently = async <T>(ask: () => Promise<T>, patience: number, logger?: Pick<Logger, 'warn'>): Promise<T> => {
  const until = Date.now() + patience
  for (let failures = 0; ; failures++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof Unavailable) || Date.now() > until) throw error
      if (failures === 0) logger?.warn({}, `${sentence(error)}; waiting up to ${Math.round(patience / 1000)} s for it`)
      await pause(50 + delay({ from: 100, to: 2_000 }, failures))
    }
  }
}
