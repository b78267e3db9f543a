import { describe } from 'vitest'
import { eventually } from '../conformance/tools.ts'
import { administering } from '../faults/reader.ts'
import { offsets } from './offsets.ts'
import { openKafkaStream } from './stream.ts'

describe('on Kafka', () =>
  offsets(() => openKafkaStream(), {
    trim: ({ config }, topic) =>
      administering(config.kafka.brokers, async (admin) => {
        const ends = await admin.fetchTopicOffsets(topic)
        const all = ends.map(({ partition, high }) => ({ partition, offset: high }))
        await admin.deleteTopicRecords({ topic, partitions: all.filter(({ offset }) => offset !== '0') })
      }),
    // The broker refuses while it still sees a member of the group.
    forget: ({ config }, group) =>
      administering(config.kafka.brokers, async (admin) => {
        await eventually('an empty group', 20_000, () =>
          admin.deleteGroups([group]).then(
            () => true,
            () => undefined,
          ),
        )
      }),
  }))
