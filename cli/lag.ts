/** How far each stage of a stream is behind its input. */
import { processors } from '../processors/index.ts'
import { sourceTopic } from './replay/derived.ts'
import { streamEntry } from './streams.ts'
import type { World } from './world.ts'

export interface Lag {
  readonly stage: string
  /** The whole name of what it reads: in a replay that may be another stream's. */
  readonly topic: string
  /** Positions up to where its input ends for it. */
  readonly records: number
  /** Positions that are not settled yet; the same unit as a consumer group's lag. */
  readonly lag: number
  readonly partitions: readonly { readonly partition: number; readonly end: number; readonly settled: number }[]
}

/** By stage, in their order. */
export const lagsOf = async (world: World): Promise<Lag[]> => {
  const { log, names } = world
  const derivation = (await streamEntry(world))?.derivation
  const lags: Lag[] = []
  for (const { name: stage, from } of processors) {
    const stretch = derivation?.topic === from.name ? derivation : undefined
    const topic = stretch ? sourceTopic(world, stretch) : names.topic(from)
    const bounds = (await log.describe(topic))?.partitions ?? []
    const settled = await log.settled(names.group(stage), topic)
    const partitions = bounds.map(({ first, end }, at) => ({
      partition: at,
      end: Math.min(end, stretch?.until[at] ?? end),
      settled: settled[at]?.position ?? Math.max(first, stretch?.from[at] ?? first),
    }))
    const lag = partitions.reduce((sum, { end, settled: done }) => sum + Math.max(0, end - done), 0)
    lags.push({ stage, topic, records: partitions.reduce((sum, { end }) => sum + end, 0), lag, partitions })
  }
  return lags
}
