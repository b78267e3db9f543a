import type { Command } from 'commander'
import { processors } from '../../processors/index.ts'
import { configOf, inStream, withGlobals, type Globals, type Io } from '../command.ts'
import { table } from '../report.ts'
import { streamEntry } from '../streams.ts'
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
  await inStream(configOf(io, flags), io, async (world) => {
    const entry = await streamEntry(world)
    const { stream } = world.names
    const stages = []
    for (const each of processors) stages.push(await lagOf(world, each))
    if (flags.json)
      return io.out(JSON.stringify({ log: world.log.name, stream, settings: entry?.hash ?? null, stages }))
    io.out(`stream ${stream} (settings ${entry?.hash ?? 'still open'}) on ${world.log.name}`)
    const rows = stages.map(({ stage, topic, records, lag }) => [stage, topic, String(records), String(lag)])
    io.out(table([['stage', 'reads', 'records', 'lag'], ...rows]))
  })
}

export const statusCommand = (program: Command, io: Io) => {
  const command = program.command('status').description('how far each stage of the stream is behind its input')
  withGlobals(command).action(act(io))
}
