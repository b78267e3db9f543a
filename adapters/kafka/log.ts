/**
 * Kafka as the log: one transactional producer per claim under a stable id, positions and notes as offsets with their
 * metadata, reading by position. Needs Kafka 4.0 or newer (transactions that brokers verify, stable offsets).
 */
import { Fatal } from '../../runtime/errors.ts'
import type { Log, Membership } from '../../runtime/log.ts'
import { clientOf, settingsOf, type KafkaOptions } from './client.ts'
import { settledOf } from './claim.ts'
import { join } from './member.ts'
import { read } from './read.ts'
import { seatsOf, source } from './source.ts'
import { apply, describe, factsOf, limitsOf, remove } from './topics.ts'
import type { Broker } from './vendor.ts'

export type { KafkaOptions } from './client.ts'

/**
 * Opens the log.
 * @throws Unavailable when no broker answers within `patience`; Fatal when they refuse this user
 */
export const openKafkaLog = async (options: KafkaOptions): Promise<Log> => {
  const client = clientOf(settingsOf(options))
  const limits = limitsOf(client)
  const members = new Set<Membership>()
  try {
    verify(options, await client.ask('connecting', (cluster) => cluster.findControllerBroker()))
  } catch (error) {
    client.close()
    throw error
  }
  return {
    name: `kafka ${options.brokers.join(',')}`,
    apply: (topics) => apply(client, topics),
    describe: (topic) => describe(client, topic),
    source: (group, name) => source(client, limits, group, name),
    read: (topic, wanted) => read(client, topic, wanted),
    async join(request) {
      const member = await join(client, limits, request)
      members.add(member)
      return {
        async leave() {
          members.delete(member)
          await member.leave()
        },
      }
    },
    async settled(group, topic) {
      const facts = await client.ask(`looking for ${topic}`, (cluster) => factsOf(cluster, topic))
      const partitions = facts?.leaders.map((_, partition) => partition) ?? []
      return partitions.length === 0 ? [] : settledOf(client, group, topic, partitions)
    },
    async remove({ topics, groups }) {
      limits.forget()
      await remove(client, [...topics, ...groups.map(seatsOf)], groups)
    },
    async close() {
      if (client.closed.aborted) return
      await Promise.all([...members].map((member) => member.leave()))
      client.close()
    },
  }
}

const endTransaction = 26
/** Kafka 4.0 was the first to speak this version (KIP-890); older brokers apply offsets after the markers of their commit. */
const verify = ({ brokers }: KafkaOptions, { versions }: Broker) => {
  if ((versions[endTransaction]?.maxVersion ?? 0) >= 5) return
  throw new Fatal(`the brokers at ${brokers.join(',')} are older than Kafka 4.0: the guarantees of this log need it`)
}
