/** The two runs of a comparison, from the command line to what is known of them. */
import { Fatal } from '../../runtime/errors.ts'
import type { RunEntry } from '../../schemas/control.ts'
import { allRuns } from '../runs.ts'
import type { World } from '../world.ts'

export interface Place {
  readonly stream: string
  readonly run: string
}

const listed = (names: readonly string[]) => (names.length > 8 ? [...names.slice(0, 8), '…'] : names).join(', ')

const runsOf = (entries: readonly RunEntry[], stream: string, topologies: readonly string[]) =>
  entries.filter((entry) => entry.stream === stream && topologies.includes(entry.topology)).map(({ run }) => run)

/** A stream alone stands for the run that both streams have, or for the only one it has. */
const alone = (text: string, own: readonly string[], others: readonly string[]): string => {
  const common = own.filter((run) => others.includes(run))
  const [run, ...more] = common.length > 0 ? common : own
  if (run === undefined || more.length > 0)
    throw new Fatal(
      run === undefined
        ? `there is no stream ${text} with such a run: name a run as <stream>/<run> (gainstream runs lists them)`
        : `stream ${text} has several runs (${listed([run, ...more])}): name one as ${text}/${run}`,
    )
  return run
}

/**
 * `<stream>/<run>`, or a stream: then the run that the two have in common.
 * @param topologies of the runs that may be meant
 * @throws Fatal for a run or stream that is not there, and where several could be meant
 */
export const placesOf = async (
  world: World,
  texts: readonly [a: string, b: string] | readonly [only: string],
  topologies: readonly string[],
): Promise<Place[]> => {
  const entries = await allRuns(world)
  const streamOf = (text: string) => text.split('/')[0]!
  const named = texts.map((text) => ({ text, stream: streamOf(text), run: text.split('/')[1] }))
  return named.map(({ text, stream, run }, i) => {
    const own = runsOf(entries, stream, topologies)
    if (run !== undefined) {
      if (own.includes(run)) return { stream, run }
      const there = own.length > 0 ? `: it has ${listed(own)}` : ''
      throw new Fatal(`there is no run ${run} of this kind in stream ${stream}${there} (gainstream runs lists all)`)
    }
    const other = named[1 - i]
    const others = other ? (other.run === undefined ? runsOf(entries, other.stream, topologies) : [other.run]) : []
    return { stream, run: alone(text, own, others) }
  })
}
