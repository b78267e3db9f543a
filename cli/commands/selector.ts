import { existsSync } from 'node:fs'
import { InvalidArgumentError, type Command } from 'commander'
import { isUri, uriOf } from '../../adapters/artifact-source.ts'
import { readSelector } from '../../adapters/selectors/index.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { SelectorEntry } from '../../schemas/control.ts'
import { configOf, inStream, inWorld, withGlobals, type Globals, type Io } from '../command.ts'
import { harmless, table } from '../report.ts'
import { openPlaced, type Place } from '../selectors.ts'
import { knownSelectors, promote, rollback, unwatch, watch, type Known, type Version } from '../selectors/entries.ts'
import { follow } from '../selectors/pinning.ts'
import { differences } from '../selectors/trained.ts'
import { openTopics, streamEntry } from '../streams.ts'
import type { World } from '../world.ts'

const short = (sha256: string) => (sha256 === '' ? '-' : sha256.slice(0, 12))
const named = ({ name, sha256 }: Version) => (sha256 === '' ? name : `${name} (${short(sha256)})`)

/** Those of a stream whose hash begins so, else of the others. @throws Fatal where there is none, or more than one */
const byHash = ({ versions, elsewhere }: Known, given: string, stream: string): SelectorEntry => {
  const among = (some: Iterable<SelectorEntry>) => [...some].filter(({ sha256 }) => sha256.startsWith(given))
  const own = among(versions.values())
  const [found, other] = own.length > 0 ? own : among(elsewhere.values())
  if (other) throw new Fatal(`${given} begins the sha256 of more than one selector: give more of its digits`)
  if (!found)
    throw new Fatal(
      `no selector ${given} was ever used under this prefix: gainstream selector list --stream ${stream} shows ` +
        'them, or name a folder that holds selector.json',
    )
  return found
}

/** A folder, an address, or a sha256 (its first digits will do) of one that was used before. */
const placeOf = async (world: World, given: string): Promise<Place> => {
  if (existsSync(given)) return { uri: uriOf(given) }
  if (isUri(given)) return { uri: given }
  if (/^[0-9a-f]{6,64}$/.test(given)) return byHash(await knownSelectors(world), given, world.names.stream)
  throw new Fatal(`${given} is no folder, no address and no sha256: name the folder that holds selector.json`)
}

/** Proves that it works here, and says what it was not trained for. */
const proven = async (io: Io, world: World, given: string): Promise<Version> => {
  const place = await placeOf(world, given)
  const selector = await openPlaced(world, place, io.signal)
  await selector.close?.()
  const { identity, settings } = selector
  for (const said of differences(settings, world.config)) io.screen.write(`${harmless(said)}\n`)
  if (world.config.select.abstain && settings.min_score === null)
    io.screen.write(`${identity.name} was fitted without a least score: it never abstains\n`)
  if (world.config.engine === 'kafka' && place.uri.startsWith('file:'))
    io.screen.write(`every worker must see ${place.uri}, or be given an address under https://\n`)
  return { ...identity, uri: place.uri }
}

/** @throws Fatal where the stream's settings leave nobody a choice */
const checkFollows = async (io: Io, world: World) => {
  const { select } = world.config
  const { stream } = world.names
  const isOpen = (await streamEntry(world)) === undefined
  if (select.by === 'model' && (select.model ?? follow) === follow) return
  const how = '--set select.by=model'
  if (isOpen) return io.screen.write(`stream ${stream} has no settings yet: give ${how} when it is first used\n`)
  const what = select.by === 'model' ? `is pinned to ${short(select.model!)}` : `selects by ${select.by}`
  throw new Fatal(
    `stream ${stream} ${what}, and its settings never change: choose another stream with --stream, made with ${how}`,
  )
}

const changing = (
  io: Io,
  flags: Globals,
  use: (world: World) => Promise<SelectorEntry>,
  say: (entry: SelectorEntry) => string,
) =>
  // prettier-ignore
  inWorld(configOf(io, flags), io, async (opened) => {
    const entry = await use(await openTopics(opened))
    io.out(flags.json ? JSON.stringify(entry) : say(entry))
  })

interface Promoting extends Globals {
  readonly note: string
}

const promoting =
  (io: Io) =>
  (given: string, { note, ...flags }: Promoting) =>
    changing(
      io,
      flags,
      async (world) => {
        await checkFollows(io, world)
        return promote(world, await proven(io, world, given), note, io.signal)
      },
      (entry) => `${named(entry)} is in force in stream ${entry.stream}: running workers take it between two queries`,
    )

const goingBack =
  (io: Io) =>
  ({ note, ...flags }: Promoting) =>
    changing(
      io,
      flags,
      async (world) => {
        await checkFollows(io, world)
        return rollback(world, note, io.signal)
      },
      (entry) => `${named(entry)} is in force in stream ${entry.stream} again`,
    )

interface Watching extends Globals {
  readonly share: number
  readonly off?: boolean
}

const watching =
  (io: Io) =>
  (given: string | undefined, { share, off, ...flags }: Watching) => {
    if ((given === undefined) === (off !== true)) throw new Fatal('name the selector to watch, or give --off')
    return changing(
      io,
      flags,
      async (world) => {
        if (given === undefined) return unwatch(world, io.signal)
        if (world.config.select.by !== 'model') await checkFollows(io, world)
        return watch(world, await proven(io, world, given), share, io.signal)
      },
      ({ stream, shadow, shadow_share }) =>
        shadow === null
          ? `nothing is watched in stream ${stream}`
          : `${short(shadow)} is watched on ${100 * shadow_share} % of the queries of stream ${stream}; answers stay as they are`,
    )
  }

const stateOf = ({ current }: Known, sha256: string): string => {
  if (sha256 === (current?.sha256 ?? '')) return 'in force'
  if (sha256 === current?.shadow) return `watched (${100 * current.shadow_share} %)`
  const at = current?.previous.indexOf(sha256) ?? -1
  return at === 0 ? 'before' : at > 0 ? `${at + 1} before` : ''
}

const list = (io: Io) => (flags: Globals) =>
  inStream(configOf(io, flags), io, async (world) => {
    const known = await knownSelectors(world)
    const versions = [...known.versions.values()].map((entry) => ({ ...entry, state: stateOf(known, entry.sha256) }))
    if (flags.json) return io.out(JSON.stringify({ current: known.current ?? null, versions }))
    if (!known.current?.sha256)
      io.out(`in stream ${world.names.stream} retrieval order is in force: gainstream selector promote <folder>`)
    if (versions.length === 0) return
    const rows = versions.map(({ name, sha256, state, entered_at, uri, note }) => [
      ...[name, short(sha256), state, new Date(entered_at).toISOString(), note, uri],
    ])
    io.out(table([['selector', 'sha256', 'state', 'first used', 'note', 'lies at'], ...rows]))
  })

const show = (io: Io) => (given: string | undefined, flags: Globals) =>
  inStream(configOf(io, flags), io, async (world) => {
    const known = await knownSelectors(world)
    const sha256 = given ?? known.current?.sha256 ?? ''
    if (sha256 === '')
      throw new Fatal(`no selector is in force in stream ${world.names.stream}: retrieval order chooses`)
    const entry = byHash(known, sha256, world.names.stream)
    const selector = await openPlaced(world, entry, io.signal)
    await selector.close?.()
    const shown = { ...entry, state: stateOf(known, entry.sha256), settings: selector.settings }
    io.out(JSON.stringify(shown, null, flags.json ? 0 : 2))
  })

const verify = (io: Io) => async (folder: string, flags: Globals) => {
  const { identity, settings, path } = await readSelector(folder)
  const files = Object.keys(settings.sha256)
  if (flags.json) return io.out(JSON.stringify({ ...identity, path, settings }))
  const what = settings.encoder === null ? 'light' : `cross-encoder${settings.linear ? ' with a linear part' : ''}`
  io.out(`${identity.name}: ${what}, ${files.length === 0 ? 'selector.json alone' : files.join(', ')}, all as they should be`) // prettier-ignore
  io.out(`sha256 ${identity.sha256}`)
}

const shareOf = (given: string): number => {
  const share = Number(given)
  if (!(share > 0 && share <= 1)) throw new InvalidArgumentError('It must be above 0 and at most 1, e.g. 0.1.')
  return share
}

export const selectorCommand = (program: Command, io: Io) => {
  const group = program.command('selector').description('which selector chooses: promote, rollback, shadow, list')
  const add = (name: string, what: string) => withGlobals(group.command(name).description(what))
  add('promote <selector>', 'put a folder, an address or a sha256 in force, while the stream runs')
    .option('--note <text>', 'why, for people', '')
    .action(promoting(io))
  add('rollback', 'put the one before in force again').option('--note <text>', 'why, for people', '').action(goingBack(io)) // prettier-ignore
  add('shadow [selector]', 'let a second selector score a share of the queries without changing an answer')
    .option('--share <part>', 'of the queries, above 0 and at most 1', shareOf, 0.1)
    .option('--off', 'watch nothing any more')
    .action(watching(io))
  add('list', 'the selectors that a stream has used').action(list(io))
  add('show [sha256]', 'one of them with its settings (default: the one in force)').action(show(io))
  withGlobals(
    group.command('verify <folder>').description('is a folder a selector, and every file as it should be?'),
    false,
  ).action(verify(io))
}
