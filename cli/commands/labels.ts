import type { Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, inExisting, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { labelsText, qualityText } from '../compare/labels-text.ts'
import { compareLabels } from '../compare/labels.ts'
import { labelQuality } from '../compare/quality.ts'
import { placesOf, type Place } from '../compare/sides.ts'
import type { World } from '../world.ts'

interface Flags extends Globals {
  readonly strict?: boolean
  readonly limit: number
}

/** Runs whose candidates may be labelled. */
const labelled = ['synthesis', 'labelling', 'finding', 'offered']

/** @throws Fatal for a run that nobody labelled: no figure can be had of it */
const checkLabelled = ({ stream, run }: Place, queries: number): void => {
  if (queries > 0) return
  throw new Fatal(
    `${stream}/${run} has no gains of its own: its stage label never ran, or runs in the stream that it was replayed from`,
  )
}

const told = async (world: World, a: string, b: string | undefined, { json, limit }: Flags) => {
  if (b === undefined) {
    const [place] = (await placesOf(world, [a], labelled)) as [Place]
    const found = await labelQuality(world, place)
    checkLabelled(place, found.queries)
    return { text: json ? JSON.stringify(found) : qualityText(found), alarms: found.alarms }
  }
  const [ours, theirs] = (await placesOf(world, [a, b], labelled)) as [Place, Place]
  const found = await compareLabels(world, ours, theirs, limit)
  checkLabelled(ours, found.a.queries)
  checkLabelled(theirs, found.b.queries)
  return { text: json ? JSON.stringify(found) : labelsText(found), alarms: found.alarms }
}

const act =
  (io: Io) =>
  (a: string, b: string | undefined, flags: Flags): Promise<void> =>
    inExisting(configOf(io, flags), io, async (world) => {
      const { text, alarms } = await told(world, a, b, flags)
      io.out(text)
      if (flags.strict && alarms.length > 0)
        throw new Fatal(`${alarms.length} ${alarms.length === 1 ? 'alarm' : 'alarms'}: ${alarms.join('; ')}`)
    })

export const labelsCommand = (program: Command, io: Io) => {
  const command = program
    .command('labels <run> [other]')
    .description('how good the labels of a run are (<stream>/<run>); with another run, how far the two agree')
    .option('--strict', 'fail where something stands out')
    .option('--limit <n>', 'of two runs: so many of the queries with another first passage are listed', positive, 20)
  withGlobals(command).action(act(io))
}
