/** Which collection is current: the one that Milvus's alias points at, which it moves in one step. */
import { Fatal } from '../../runtime/errors.ts'
import type { Client } from './client.ts'
import { isAliasMissing, isThere, Refused, settled } from './failures.ts'

export interface Pointer {
  current(signal: AbortSignal): Promise<string | undefined>
  point(name: string, signal: AbortSignal): Promise<void>
}

export const aliases = (client: Client, alias: string): Pointer => {
  const to = (name: string) => ({ collection_name: name, alias })
  const what = `to point the alias ${alias} at a collection`

  const current: Pointer['current'] = async (signal) => {
    try {
      // The SDK wants the name of a collection, too, and Milvus does not read it.
      const found = await client.ask((sdk, timeout) => sdk.describeAlias({ ...to(alias), timeout }), { signal })
      return found.collection
    } catch (error) {
      if (isAliasMissing(error)) return undefined
      throw settled(error, client.name, `to say what the alias ${alias} points at`)
    }
  }
  const point: Pointer['point'] = async (name, signal) => {
    try {
      if ((await current(signal)) === undefined)
        await client.ask((sdk, timeout) => sdk.createAlias({ ...to(name), timeout }), { signal }).catch(pass)
      await client.ask((sdk, timeout) => sdk.alterAlias({ ...to(name), timeout }), { signal })
    } catch (error) {
      if (error instanceof Refused && /conflict/i.test(error.message))
        throw new Fatal(
          `${client.name} has a collection by the name ${alias}, so that it can be no alias: choose another store.collection`,
          { cause: error },
        )
      throw settled(error, client.name, what)
    }
  }
  return { current, point }
}

/** Somebody else made it a moment before; then it is moved. */
const pass = (error: unknown) => {
  if (!isThere(error)) throw error
}
