import { existsSync } from 'node:fs'
import { Argument, type Command } from 'commander'
import { down, type Group } from '../../adapters/stack/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import { stackFolder } from './up.ts'

interface Flags extends Globals {
  readonly delete?: boolean
}

const said = {
  absent: 'did not run',
  stopped: 'stopped',
  killed: 'did not stop by itself within 20 s, and was killed',
}

const titles: Readonly<Record<string, string>> = { vllm: 'vLLM server', milvus: 'Milvus Lite server' }
const choices = ['kafka', 'vllm', 'milvus', 'all'] as const
type Asked = (typeof choices)[number]

const act = (io: Io) => async (asked: readonly Asked[], flags: Flags) => {
  const folder = stackFolder(configOf(io, flags))
  const some = asked.filter((each): each is Group => each !== 'all')
  const only = asked.includes('all') || some.length === 0 ? undefined : some
  if (flags.delete && only) throw new Fatal('--delete deletes what all servers kept: leave the names of servers out')
  const [remove, there] = [flags.delete ?? false, existsSync(folder)]
  const servers = await down(folder, { remove, ...(only && { only }) })
  if (flags.json) return io.out(JSON.stringify({ folder, servers, deleted: remove }))
  if (!there) return io.out(`nothing was brought up in ${folder}`)
  for (const { name, ending } of servers) io.out(`the ${titles[name] ?? name} ${said[ending]}`)
  io.out(remove ? `${folder} is deleted` : `all records stay in ${folder}; up starts on them again`)
}

export const downCommand = (program: Command, io: Io) => {
  const command = program
    .command('down')
    .description('stop the servers that `up` started')
    .addArgument(new Argument('[servers...]', 'which (default: all)').choices(choices))
    .option('--delete', 'and delete every record, schema and log file of theirs')
  withGlobals(command).action(act(io))
}
