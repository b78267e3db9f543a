import type { Command } from 'commander'
import { Fatal } from '../../runtime/errors.ts'
import { configOf, inExisting, positive, withGlobals, type Globals, type Io } from '../command.ts'
import { compareOutcomes, type Compare, type Party } from '../compare/comparison.ts'
import { compareReport, compareText } from '../compare/document.ts'
import { outcomesIn } from '../compare/outcomes.ts'
import { placesOf, type Place } from '../compare/sides.ts'
import { originsOf, remarksBetween, remarksOn } from '../compare/warnings.ts'
import { reportFile, writeReport } from '../report/write.ts'
import type { World } from '../world.ts'

interface Flags extends Globals {
  readonly out?: string
  readonly limit: number
}

const partyOf = async (world: World, place: Place): Promise<Party> => {
  const outcomes = await outcomesIn(world, place)
  if (outcomes.queries.size === 0)
    throw new Fatal(`${place.stream}/${place.run} has chosen no passage yet: its stages select and evaluate never ran`)
  return { outcomes, origins: await originsOf(world, outcomes) }
}

/** Two runs, read from their topics. @throws Fatal for one that is not there or has no outcome */
export const compared = async (world: World, a: string, b: string, limit: number): Promise<Compare> => {
  const [of, to] = (await placesOf(world, [a, b], ['answering'])) as [Place, Place]
  if (of.stream === to.stream && of.run === to.run) throw new Fatal(`${a} and ${b} are the same run`)
  const [ours, theirs] = [await partyOf(world, of), await partyOf(world, to)]
  const remarks = [
    ...remarksOn('A', ours.outcomes, ours.origins),
    ...remarksOn('B', theirs.outcomes, theirs.origins),
    ...remarksBetween(ours.outcomes, theirs.outcomes),
  ]
  return compareOutcomes(ours, theirs, remarks, limit)
}

const act =
  (io: Io) =>
  (a: string, b: string, flags: Flags): Promise<void> =>
    inExisting(configOf(io, flags), io, async (world) => {
      const result = await compared(world, a, b, flags.limit)
      if (flags.out !== undefined) await writeReport(flags.out, compareReport(result))
      io.out(flags.json ? JSON.stringify(result) : compareText(result))
    })

export const compareCommand = (program: Command, io: Io) => {
  const command = program
    .command('compare <a> <b>')
    .description(
      'two runs over the same queries (<stream>/<run>, or two streams with the same run): what B won and lost against A',
    )
    .option('-o, --out <file>', 'a report, too: .md, .html or .json', reportFile)
    .option('--limit <n>', 'so many of the queries that came out otherwise are listed', positive, 20)
  withGlobals(command).action(act(io))
}
