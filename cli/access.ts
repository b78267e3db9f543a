/** How to reach Kafka and the registry: settings with what they name in files. Secrets stay in memory only. */
import type { KafkaOptions } from '../adapters/kafka/log.ts'
import type { RegistryOptions } from '../adapters/registry/index.ts'
import type { Config } from './config.ts'

export const kafkaAccess = async ({ kafka }: Config): Promise<KafkaOptions> => ({
  brokers: kafka.brokers,
  clientId: kafka.client_id,
  ...(kafka.replication !== null && { replication: kafka.replication }),
})

export const registryAccess = async ({ registry }: Config): Promise<RegistryOptions> => ({ url: registry.url })
