/** Where the demo runs: a folder of its own, and on Kafka a prefix of its own, on servers that it brings up. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processors } from '../processors/index.ts'
import { Fatal } from '../runtime/errors.ts'
import { names } from '../runtime/topic.ts'
import { catalogue } from '../topics/index.ts'
import { conditions } from './conditions.ts'
import type { Config } from './config.ts'
import type { World } from './world.ts'

/** Says that a folder was made by the demo, so that the demo may empty it. */
const marker = 'gainstream-demo'
const own = [
  ...['log.sqlite', 'scores.sqlite'].flatMap((file) => [file, `${file}-wal`, `${file}-shm`]),
  'passages', // a folder
]

/**
 * A finished demo starts over; an interrupted one goes on. Only a folder that the demo made is touched, and only files
 * that it wrote.
 * @returns whether it starts over
 * @throws Fatal for a folder that holds something else.
 */
export const begin = (data: string, keep: boolean): boolean => {
  const state = join(data, marker)
  const made = existsSync(state)
  if (!made && own.some((file) => existsSync(join(data, file)))) {
    throw new Fatal(`${data} holds data that is not the demo's: name another folder with --data`)
  }
  const over = made && !keep && readFileSync(state, 'utf8').startsWith('finished')
  if (over) for (const file of own) rmSync(join(data, file), { force: true, recursive: true })
  mkdirSync(data, { recursive: true })
  if (!made || !keep) writeFileSync(state, 'under way\n')
  return over
}

export const finish = ({ data }: Config): void => writeFileSync(join(data, marker), 'finished\n')

/** The streams that a demo makes. */
const streamsOf = (stream: string) => [stream, ...conditions.map((condition) => `${stream}-${condition}`)]

/**
 * Takes away what an earlier demo left on Kafka; its files went with the folder.
 * @throws Fatal where others have streams under the same prefix: what is kept of all streams goes, too
 */
export const startOver = async (world: World): Promise<void> => {
  const { tables, config } = world
  if (config.engine === 'embedded') return
  await tables.streams.refresh()
  const own = streamsOf(config.stream)
  const others = [...tables.streams.entries()].map(([name]) => name).filter((name) => !own.includes(name))
  if (others.length > 0)
    throw new Fatal(
      `prefix ${config.prefix} holds streams that are not the demo's (${others.sort().join(', ')}), and starting over ` +
        'would delete what is kept of them: choose another one with --prefix, or go on with --keep',
    )
  await clear(world)
}

/** Deletes the streams of a demo, and what is kept of all streams under their prefix. */
export const clear = async ({ log, config: { engine, prefix, stream } }: World): Promise<void> => {
  if (engine === 'embedded') return
  const streams = streamsOf(stream).map((each) => names(prefix, each))
  const topics = new Set(streams.flatMap((each) => catalogue.map((topic) => each.topic(topic))))
  const groups = streams.flatMap((each) => [...processors.map(({ name }) => each.group(name)), each.group('ingest')])
  await log.remove({ topics: [...topics], groups })
}
