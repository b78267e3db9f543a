/** What happens to brokers: killed, stopped, short of disk. */
import { rmSync, writeSync, openSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { pause } from '../../runtime/wait.ts'
import { copying, type Fault, type Found } from './fault.ts'
import type { Ground, Measure } from './ground.ts'
import { copies } from './items.ts'
import { administering } from './reader.ts'
import { gone, killed, onlyOf, openBroker, smallDisk, type Servers } from './servers.ts'

const brokerKilled: Fault = {
  name: 'broker-killed',
  brokers: 1,
  run: (servers, measure) =>
    copying('broker', servers, measure, {
      async strike({ blows, struck }) {
        await blows(3, async () => {
          await killed(onlyOf(servers))
          await pause(1_000)
          await onlyOf(servers).start()
          struck()
        })
      },
    }),
}

const brokerStopped: Fault = {
  name: 'broker-stopped',
  brokers: 1,
  run: (servers, measure) =>
    copying('still', servers, measure, {
      async strike({ blows, struck }) {
        await blows(2, async () => {
          onlyOf(servers).kill('SIGSTOP')
          await pause(measure.short ? 8_000 : 20_000)
          onlyOf(servers).kill('SIGCONT')
          struck()
        })
      },
    }),
}

/** The broker that leads the first partition of what is written. */
const leader = ({ places, named }: Ground) =>
  administering(places.brokers, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [named.topic(copies)] })
    return topics[0]?.partitions.find(({ partitionId }) => partitionId === 0)?.leader
  })

/** Until every replica of what is written is in sync again: the next blow must not take two of three. */
const inSync = async ({ places, named }: Ground) => {
  for (const until = Date.now() + 120_000; ; await pause(500)) {
    const found = await administering(places.brokers, (admin) =>
      admin.fetchTopicMetadata({ topics: [named.topic(copies)] }),
    )
    if (found.topics[0]?.partitions.every(({ isr }) => isr.length === 3)) return
    if (Date.now() > until) throw new Error('the replicas were not in sync again within 120 s')
  }
}

const leaderKilled: Fault = {
  name: 'leader-killed',
  brokers: 3,
  run: (servers, measure) =>
    copying('leader', servers, measure, {
      lasting: measure.short ? 8 : 60,
      async strike(at) {
        await at.blows(3, async () => {
          const id = await leader(at)
          const node = servers.nodes.find((each) => each.id === id)
          if (!node) throw new Error(`broker ${id} leads, and nobody knows it`)
          measure.say(`kill -9 of broker ${id}`)
          await killed(node)
          await pause(5_000)
          await node.start()
          await inSync(at)
        })
      },
    }),
}

/** Takes all the room there is. */
const ballast = (folder: string) => {
  const path = join(folder, 'ballast')
  const file = openSync(path, 'w')
  const zeros = Buffer.alloc(1_048_576)
  try {
    for (;;) if (writeSync(file, zeros) === 0) break
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(file)
  }
  return () => rmSync(path)
}

const filled = async (servers: Servers, measure: Measure, folder: string): Promise<Found> => {
  const node = onlyOf(servers)
  return copying('disk', servers, measure, {
    async strike({ blows, struck }) {
      await blows(2, async (number) => {
        const free = ballast(folder)
        await gone(node)
        measure.say(`disk full ${number + 1}: the broker has ended; room is made and it is started again`)
        free()
        await node.start()
        struck()
      })
    },
  })
}

const diskFull: Fault = {
  name: 'disk-full',
  brokers: 1,
  async run(servers, measure) {
    const disk = smallDisk(join(measure.folder, 'disk'), 160)
    if (!disk) throw new Error('a small file system cannot be mounted here: it takes root')
    try {
      const own = await openBroker(disk.folder, servers.registry)
      try {
        return await filled(own, measure, disk.folder)
      } finally {
        await own.stop()
      }
    } finally {
      disk.release()
    }
  },
}

export const ofBrokers = [brokerKilled, brokerStopped, leaderKilled, diskFull]
