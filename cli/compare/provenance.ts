/** Where a selector and the labels behind it come from, as far as this log and this machine can tell. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SelectorSettings, Trained } from '../../method/selector.ts'
import { names, type Topic } from '../../runtime/topic.ts'
import type { SelectorIdentity } from '../../schemas/context.ts'
import type { StreamEntry } from '../../schemas/control.ts'
import type { Identity } from '../../schemas/identity.ts'
import { gains, samples } from '../../topics/index.ts'
import { cacheOf } from '../selectors.ts'
import { knownSelectors } from '../selectors/entries.ts'
import { streamEntry } from '../streams.ts'
import type { World } from '../world.ts'

const entryOf = (world: World, stream: string): Promise<StreamEntry | undefined> =>
  streamEntry(world.as({ ...world.config, stream }))

/** Folders in which the weights of this sha256 may lie: where this machine keeps what it has used, and where they were entered from. */
const foldersOf = async (world: World, sha256: string): Promise<string[]> => {
  const { versions, elsewhere } = await knownSelectors(world)
  const uris = [versions.get(sha256)?.uri, elsewhere.get(sha256)?.uri]
  const entered = uris.flatMap((uri) => (uri?.startsWith('file:') ? [fileURLToPath(uri)] : []))
  return [join(cacheOf(world.config), sha256), ...entered]
}

const settingsOf = (folder: string, sha256: string): SelectorSettings | undefined => {
  try {
    const bytes = readFileSync(join(folder, 'selector.json'))
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) return undefined
    return JSON.parse(bytes.toString()) as SelectorSettings
  } catch {
    return undefined // it lies elsewhere, or is gone: nothing is computed from it
  }
}

/** How a selector came about; undefined for one without weights, or where its folder is not at hand. */
export const trainedOf = async (world: World, { sha256 }: SelectorIdentity): Promise<Trained | undefined> => {
  if (sha256 === '') return undefined
  for (const folder of await foldersOf(world, sha256)) {
    const found = settingsOf(folder, sha256)
    if (found) return found.trained ?? undefined
  }
  return undefined
}

/** Who measured the gains of these runs, by their first record. */
const scorerIn = async (
  { log, codec, config }: World,
  stream: string,
  runs: readonly string[],
  topic: Topic<{ scorer: Identity }>,
): Promise<Identity | undefined> => {
  const name = names(config.prefix, stream).topic(topic)
  if (!(await log.describe(name))) return undefined
  for await (const { key, value } of log.read(name))
    if (value !== null && runs.some((run) => key?.toString().startsWith(`${run}/`)))
      return (await codec.decode(topic, value)).scorer
  return undefined
}

/** Its runs are set apart by commas. */
const placeOf = ({ config: { prefix } }: World, { run }: Trained): [stream: string, runs: string[]] | undefined => {
  const cut = run.lastIndexOf('/')
  if (!run.startsWith(`${prefix}.`) || cut < 0) return undefined
  return [run.slice(prefix.length + 1, cut), run.slice(cut + 1).split(',')]
}

/**
 * Who measured the gains that a selector learned from; or, where a run's passages were chosen by their gains, those.
 * Undefined where that is not in this log.
 */
export const labellerOf = async (
  world: World,
  { stream, run }: { stream: string; run: string },
  trained: Trained | undefined,
): Promise<Identity | undefined> => {
  const source = (await entryOf(world, stream))?.derived_from ?? ''
  const byGain = source !== '' && stream === `${source}-gain`
  const place = trained ? placeOf(world, trained) : byGain ? ([source, [run]] as const) : undefined
  if (!place) return undefined
  const [from, runs] = place
  return (await scorerIn(world, from, runs, samples)) ?? scorerIn(world, from, runs, gains)
}
