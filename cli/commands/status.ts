import { basename } from 'node:path'
import type { Command } from 'commander'
import { seen, type Seen } from '../../adapters/stack/index.ts'
import { Unavailable } from '../../runtime/errors.ts'
import { configOf, inStream, withGlobals, type Globals, type Io } from '../command.ts'
import type { Config } from '../config.ts'
import { glance } from '../engines.ts'
import { lagsOf } from '../lag.ts'
import { table } from '../report.ts'
import { streamEntry } from '../streams.ts'
import type { World } from '../world.ts'
import { stackFolder } from './up.ts'

/** The servers that `up` started; what they are, and what to do where they are not. */
const rowOf = ({ name, health, address, pid, log, settings: { model, dtype } }: Seen) => {
  const start = name === 'vllm' || name === 'milvus' ? `gainstream up ${name}` : 'gainstream up'
  const state = {
    ready: `ready, pid ${pid}${model === undefined ? '' : `, ${basename(model)} in ${dtype}`}`,
    silent: `runs (pid ${pid}) and does not answer; see ${log}`,
    ended: `ended by itself; ${start} starts it again; see ${log}`,
    down: `down; ${start} starts it`,
  }
  return [name, address ?? '-', state[health]]
}

const streamOf = async (world: World) => {
  const entry = await streamEntry(world)
  const stages = await lagsOf(world)
  return { log: world.log.name, stream: world.names.stream, settings: entry?.hash ?? null, stages }
}

/** Nobody waits for a broker of this machine that is known to be away. */
const checkBroker = ({ engine, kafka }: Config, servers: readonly Seen[]) => {
  const broker = servers.find(({ name, address }) => name === 'broker' && address && kafka.brokers.includes(address))
  if (engine === 'kafka' && broker && broker.health !== 'ready')
    throw new Unavailable('the stream cannot be looked at without its broker: gainstream up starts it')
}

const act = (io: Io) => async (flags: Globals) => {
  const config = configOf(io, flags)
  const servers = await seen(stackFolder(config))
  if (servers && !flags.json) io.out(`${table([['server', 'at', 'state'], ...servers.map(rowOf)])}\n`)
  try {
    checkBroker(config, servers ?? [])
    const shown = await inStream(config, io, streamOf, glance)
    if (flags.json) return io.out(JSON.stringify({ ...shown, ...(servers && { servers }) }))
    io.out(`stream ${shown.stream} (settings ${shown.settings ?? 'still open'}) on ${shown.log}`)
    const rows = shown.stages.map(({ stage, topic, records, lag }) => [stage, topic, String(records), String(lag)])
    io.out(table([['stage', 'reads', 'positions', 'lag'], ...rows]))
  } catch (error) {
    if (flags.json && servers) io.out(JSON.stringify({ servers }))
    throw error
  }
}

export const statusCommand = (program: Command, io: Io) => {
  const command = program
    .command('status')
    .description('how far each stage is behind its input, and how the servers are that `up` started')
  withGlobals(command).action(act(io))
}
