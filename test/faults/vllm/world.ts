/** The log of a run, embedded or Kafka, with what worker and audit both need of it. */
import { openKafkaLog } from '../../../adapters/kafka/log.ts'
import { confluentRegistry } from '../../../adapters/registry/index.ts'
import { openSqliteLog } from '../../../adapters/sqlite/log.ts'
import { sqliteRegistry } from '../../../adapters/sqlite/registry.ts'
import type { Log } from '../../../runtime/log.ts'
import { names } from '../../../runtime/topic.ts'
import { avroCodec } from '../../../schemas/codec.ts'
import type { SchemaRegistry } from '../../../schemas/registry.ts'

export type Place =
  | { readonly kind: 'embedded'; readonly path: string }
  | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly registry: string }

const opened = async (place: Place): Promise<{ log: Log; registry: SchemaRegistry }> => {
  if (place.kind === 'kafka')
    return {
      log: await openKafkaLog({ brokers: place.brokers, patience: 60_000 }),
      registry: confluentRegistry({ url: place.registry, create: true }),
    }
  const log = await openSqliteLog(place.path)
  return { log, registry: sqliteRegistry(log) }
}

export const openWorld = async (place: Place, prefix: string) => {
  const { log, registry } = await opened(place)
  const named = names(prefix, 's')
  const codec = avroCodec(registry, { subject: (topic) => `${prefix}.s.${topic}-value` })
  return { log, named, codec }
}
export type World = Awaited<ReturnType<typeof openWorld>>
