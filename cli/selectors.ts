/** What chooses in a stream: a fixed order, or whichever selector is in force, followed for as long as the process runs. */
import { join } from 'node:path'
import { fetchFolder } from '../adapters/artifacts.ts'
import { uriOf } from '../adapters/artifact-source.ts'
import { givenScore, retrievalOrder } from '../adapters/selectors/index.ts'
import { cascade } from '../adapters/selectors/cascade.ts'
import { openSelector, warmUp, type OpenedSelector } from '../adapters/selectors/open.ts'
import type { Selector } from '../method/ports.ts'
import type { Selecting } from '../processors/select.ts'
import { endpoint } from '../runtime/endpoint.ts'
import type { Binding } from '../runtime/engine.ts'
import { Fatal, Rejected, sentence } from '../runtime/errors.ts'
import { following } from '../runtime/following.ts'
import type { Stored } from '../runtime/log.ts'
import { minutes } from '../runtime/topic.ts'
import type { SelectorEntry } from '../schemas/control.ts'
import { selectors } from '../topics/index.ts'
import type { Config } from './config.ts'
import { wantedIn } from './selectors/entries.ts'
import { guardedSelector, watchedSelector } from './selectors/guarding.ts'
import { keeper, type Keeping, type Wanted } from './selectors/keeper.ts'
import { follow } from './selectors/pinning.ts'
import { differences } from './selectors/trained.ts'
import { unlessStopped } from './stopping.ts'
import type { World } from './world.ts'

export interface Choosing extends Pick<Selecting, 'inForce'> {
  /** What the stage calls, if anything that may fail. */
  readonly calls: Binding
  close(): Promise<void>
}

/** Where the selectors lie that this machine has fetched. */
export const cacheOf = ({ data }: Config): string => join(data, 'selectors')

/** Where a selector lies, unless it was fetched before, and which it is, if that is known. */
export interface Place {
  readonly uri: string
  readonly sha256?: string | undefined
}

/** Fetched, checked and warm. @throws Fatal or Unavailable with the sentence */
export const openPlaced = async (
  { config, observe }: Pick<World, 'config' | 'observe'>,
  { sha256, uri }: Place,
  signal: AbortSignal,
): Promise<OpenedSelector> => {
  const { folder } = await fetchFolder({ uri, sha256, list: 'selector.json', cache: cacheOf(config), signal })
  const { device, threads, workers } = config.selector
  const running = { threads: threads ?? undefined, workers: workers ?? undefined, logger: observe.logger }
  return openSelector(folder, { ...running, providers: device === 'cuda' ? ['cuda', 'cpu'] : ['cpu'] }, signal)
}

const fixed = (selector: Selector): Choosing => ({
  inForce: () => ({ selector }),
  calls: {},
  close: async () => {},
})

type Surroundings = Pick<World, 'log' | 'codec' | 'names' | 'config' | 'observe'>

/** The entries of the control topic, as they come. */
const listening = ({ log, codec, names, observe }: Surroundings, changed: () => void) => {
  const versions = new Map<string, SelectorEntry>()
  let current: SelectorEntry | undefined
  const read = async (key: string, value: Buffer) => {
    try {
      return await codec.decode(selectors, value)
    } catch (error) {
      if (!(error instanceof Rejected)) throw error
      observe.logger.error({ key, error: sentence(error) }, 'no entry of a selector; passed over')
      return undefined
    }
  }
  const heard = async ({ key, value }: Stored) => {
    const name = key?.toString() ?? ''
    const isCurrent = name === `${names.stream}/current`
    const entry = value === null ? undefined : await read(name, value)
    if (value !== null && entry === undefined) return
    if (isCurrent) current = entry
    else if (entry?.kind === 'version' && (entry.stream === names.stream || !versions.has(entry.sha256)))
      versions.set(entry.sha256, entry)
    if (isCurrent) changed()
  }
  const followed = following({ log, topic: names.topic(selectors), observe, heard })
  return { versions, current: () => current, ...followed }
}

/** Opens what the entries name, with what the settings put before it. */
const opening = (of: Surroundings, uriFor: (sha256: string) => string | undefined) => {
  const { config, observe, names } = of
  const { abstain, cascade: narrowing } = config.select
  const known = (sha256: string, signal: AbortSignal) => {
    const own = config.folders?.get(sha256)
    return openPlaced(of, { sha256, uri: own === undefined ? (uriFor(sha256) ?? '') : uriOf(own) }, signal)
  }
  const narrowed = async (second: Selector, signal: AbortSignal) => {
    if (narrowing.first === null) return second
    try {
      return cascade(await known(narrowing.first, signal), second, narrowing.narrow)
    } catch (error) {
      await second.close?.()
      throw error
    }
  }
  return async (sha256: string, signal: AbortSignal): Promise<Selector> => {
    if (sha256 === '') return retrievalOrder
    const selector = await known(sha256, signal)
    for (const said of differences(selector.settings, config)) observe.logger.warn({ selector: sha256 }, said)
    if (abstain && selector.minScore === undefined)
      observe.logger.warn(
        { selector: sha256 },
        `${selector.identity.name} was fitted without a least score: it never abstains in stream ${names.stream}`,
      )
    return narrowed(selector, signal)
  }
}

const nameOf = ({ identity: { name, sha256 } }: Selector) =>
  sha256 === '' ? name : `${name} (${sha256.slice(0, 12)}…)`

/** What is said and counted of swaps. */
const telling = ({
  observe: { logger, meter },
  names: { stream },
}: Surroundings): Pick<Keeping, 'taken' | 'refused'> => ({
  taken(selector, before) {
    meter.count('gainstream_selector_swaps_total', 1, { kind: 'taken' })
    logger.info(
      { selector: selector.identity.sha256 },
      `${nameOf(selector)} chooses in stream ${stream}${before ? `, no longer ${nameOf(before)}` : ''}`,
    )
  },
  refused(sha256, error, stays) {
    meter.count('gainstream_selector_swaps_total', 1, { kind: 'refused' })
    logger.error(
      { selector: sha256, error: sentence(error) },
      `selector ${sha256.slice(0, 12)}… cannot be used in stream ${stream}; ${stays ? `${nameOf(stays)} stays in force` : 'it is left out'}`,
    )
  },
})

/** Which selector the settings want, given what is in force. */
const wantedBy = ({ select: { model } }: Config, current: SelectorEntry | undefined): Wanted =>
  model === null || model === follow ? wantedIn(current) : { ...wantedIn(current), champion: model, before: [] }

/** @throws Fatal where no selector can be had; Unavailable */
const followed = async (of: Surroundings, signal: AbortSignal): Promise<Choosing> => {
  const { config, observe, names } = of
  const calls = endpoint({ name: 'selector', concurrency: { start: 64, max: 64 }, timeout: minutes(5), observe })
  let isWhole = false
  const heard = listening(of, () => isWhole && kept.want(wantedBy(config, heard.current())))
  const kept = keeper({
    open: opening(of, (sha256) => heard.versions.get(sha256)?.uri),
    guarded: (selector) => guardedSelector(calls, selector),
    watched: (selector) => watchedSelector(selector, observe.logger),
    ...telling(of),
  })
  const unwatch = observe.meter.watch('gainstream_selector_behind', () => Number(kept.behind), {})
  const close = async () => {
    unwatch()
    await heard.stop()
    await kept.close()
  }
  const canary = async (stopped: AbortSignal) => {
    const { selector, release } = await kept.inForce(stopped)
    await warmUp(selector, stopped).finally(() => release?.())
  }
  try {
    await unlessStopped(heard.ready, signal, async () => {})
    isWhole = true
    const wanted = wantedBy(config, heard.current())
    if (wanted.champion === '')
      observe.logger.warn(
        {},
        `no selector was promoted in stream ${names.stream}: passages are chosen by retrieval order until ` +
          `gainstream selector promote <folder> --stream ${names.stream}`,
      )
    kept.want(wanted)
    const first = await kept.inForce(signal)
    first.release?.()
  } catch (error) {
    await close()
    throw error instanceof Fatal ? new Fatal(`stream ${names.stream} has no selector: ${error.message}`) : error
  }
  return { inForce: (s) => kept.inForce(s), calls: { endpoints: [calls], canary }, close }
}

/** What chooses, ready to choose. */
export const openChoosing = (of: Surroundings, signal: AbortSignal): Promise<Choosing> => {
  const { by } = of.config.select
  if (by === 'model') return followed(of, signal)
  return Promise.resolve(fixed(by === 'given' ? givenScore : retrievalOrder))
}
