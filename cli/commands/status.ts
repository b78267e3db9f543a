import type { Command } from 'commander'
import { processors } from '../../processors/index.ts'
import { configOf, inWorld, withGlobals, type Globals, type Io } from '../command.ts'
import { table } from '../report.ts'
import { streamEntry } from '../runs.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { World } from '../world.ts'

/** How many positions of a stage's input are not settled yet; the same unit as a consumer group's lag. */
const lagOf = async ({ log, names }: World, { name, from }: (typeof processors)[number]) => {
  const topic = names.topic(from)
  const info = await log.describe(topic)
  const settled = await log.settled(names.group(name), topic)
  const partitions = (info?.partitions ?? []).map(({ first, end }, at) => ({
    partition: at,
    end,
    settled: settled[at]?.position ?? first,
  }))
  const lag = partitions.reduce((sum, { end, settled: done }) => sum + Math.max(0, end - done), 0)
  return { stage: name, topic, records: partitions.reduce((sum, { end }) => sum + end, 0), lag, partitions }
}

const act = (io: Io) => async (flags: Globals) => {
  await inWorld(configOf(io, flags), io, async (world) => {
    const entry = await streamEntry(world)
    if (!entry) throw new Fatal(`there is no stream ${world.names.stream} in ${world.log.name} yet`)
    const stages = []
    for (const each of processors) stages.push(await lagOf(world, each))
    if (flags.json)
      return io.out(JSON.stringify({ log: world.log.name, stream: entry.stream, settings: entry.hash, stages }))
    io.out(`stream ${entry.stream} (settings ${entry.hash}) on ${world.log.name}`)
    const rows = stages.map(({ stage, topic, records, lag }) => [stage, topic, String(records), String(lag)])
    io.out(table([['stage', 'reads', 'records', 'lag'], ...rows]))
  })
}

export const statusCommand = (program: Command, io: Io) => {
  const command = program.command('status').description('how far each stage of the stream is behind its input')
  withGlobals(command).action(act(io))
}
