/** What a re-injection would send. */
import { isCopy } from '../../runtime/input.ts'
import type { Io } from '../command.ts'
import { slowly } from '../progress.ts'
import type { World } from '../world.ts'
import { rowsOf, type Row } from './report.ts'
import type { Stretch } from './range.ts'
import { fates, wants, type Wanted } from './reinject.ts'
import { positionsIn } from './survey.ts'

export interface Forecast {
  readonly stream: string
  readonly topic: string
  readonly stage: string
  readonly name: string
  readonly partitions: readonly Row[]
  /** Records that would be sent; those that an earlier attempt of the same name has sent are among them. */
  readonly records: number
  /** Of these, the ones that the stage gave up. */
  readonly rejects: number
  readonly executed: false
}

export const forecast = async (
  world: World,
  io: Io,
  wanted: Wanted,
  stretch: Stretch,
  name: string,
): Promise<Forecast> => {
  const { topic, stage, rejectsOnly } = wanted
  const { from, until } = stretch
  const fate = await fates(world, wanted, name)
  const bar = slowly(`counting ${topic.name}`, io.screen)
  let [read, records, rejects] = [0, 0, 0]
  for await (const record of world.log.read(world.names.topic(topic), { from, until, signal: io.signal })) {
    bar.update(++read, positionsIn(stretch))
    if (isCopy(record, from[record.partition] ?? 0) || !wants(wanted, record)) continue
    const { kind } = fate(record)
    if (kind === 'reject') rejects++
    if (kind === 'reject' || (kind === 'sent' && !rejectsOnly)) records++
  }
  io.signal.throwIfAborted()
  const { stream } = world.names
  return { stream, topic: topic.name, stage, name, partitions: rowsOf(stretch), records, rejects, executed: false }
}
