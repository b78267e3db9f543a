/** Collections are searched when they are loaded, and a server that was restarted has none loaded. */
import { LoadState, type MilvusClient } from '@zilliz/milvus2-sdk-node'
import { Unavailable } from '../../runtime/errors.ts'
import { pause, within } from '../../runtime/wait.ts'
import type { Client } from './client.ts'
import { isMissing, isNotLoaded, settled } from './failures.ts'

const hour = 3_600_000
/** Milvus Lite builds what is missing of an index while it loads. */
export const long = { patience: 24 * hour }

export interface Loading {
  readonly load: (signal: AbortSignal) => Promise<void>
  /** Of a loaded collection; where it is not loaded, it is first. @throws Unavailable where it was dropped */
  readonly loaded: <T>(
    what: string,
    work: (sdk: MilvusClient, timeout: number) => Promise<T>,
    signal: AbortSignal,
  ) => Promise<T>
  /** Whatever a call failed with, as one of the three names of failure. */
  readonly failure: (error: unknown, what: string) => Promise<unknown>
}

/** An alias may point at another collection by now: whoever tries again finds it. */
const dropped = (client: Client, name: string) =>
  new Unavailable(`the collection ${name} was dropped from ${client.name}`, { endpoint: client.name })

export const loading = (client: Client, name: string): Loading => {
  const collection = { collection_name: name }
  let under: Promise<void> | undefined

  /** A server that was restarted meanwhile has forgotten that it was asked: then it is asked again. */
  const begin = async () => {
    let state: LoadState = LoadState.LoadStateNotLoad
    for (let wait = 20; ; wait = Math.min(2 * wait, 1_000)) {
      if (state === LoadState.LoadStateNotLoad)
        await client.ask((sdk, timeout) => sdk.loadCollection({ ...collection, timeout }), long)
      state = (await client.ask((sdk, timeout) => sdk.getLoadState({ ...collection, timeout }))).state
      if (state === LoadState.LoadStateLoaded) return
      if (state === LoadState.LoadStateNotExist) throw dropped(client, name)
      await pause(wait)
    }
  }
  const once = (signal: AbortSignal): Promise<void> => {
    under ??= begin().finally(() => (under = undefined))
    const late = () => new Unavailable(`${client.name} did not load ${name} in a day`, { endpoint: client.name })
    return within(24 * hour, signal, () => under!, late)
  }
  /** The SDK trips over answers that hold only a status, and forgets what that says. */
  const failure = async (error: unknown, what: string): Promise<unknown> => {
    if (isMissing(error)) return dropped(client, name)
    if (!(error instanceof TypeError)) return settled(error, client.name, what)
    const { value } = await client.call('to look for a collection', (sdk, timeout) =>
      sdk.hasCollection({ ...collection, timeout }),
    )
    return value === true ? new Error(`${client.name} refused ${what}, and the SDK lost why`, { cause: error }) : dropped(client, name) // prettier-ignore
  }
  const loaded: Loading['loaded'] = async (what, work, signal) => {
    try {
      return await client.ask(work, { signal }).catch(async (error: unknown) => {
        if (!isNotLoaded(error)) throw error
        await once(signal)
        return client.ask(work, { signal })
      })
    } catch (error) {
      if (signal.aborted) throw error
      throw await failure(error, what)
    }
  }
  const load = (signal: AbortSignal) =>
    once(signal).catch(async (error: unknown) => {
      throw signal.aborted ? error : await failure(error, `to load ${name}`)
    })
  return { load, loaded, failure }
}
