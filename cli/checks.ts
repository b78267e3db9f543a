import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fatal } from '../runtime/errors.ts'
import { openStream, openTopics } from './streams.ts'
import type { World } from './world.ts'

/** A stream with passages to retrieve from; without any, no settings are settled. @throws Fatal when the store is empty. */
export const openFilled = async (world: World, signal: AbortSignal): Promise<World> => {
  const { data } = world.config
  const nothing = () => new Fatal(`the store in ${data} holds no passage: gainstream index <corpus> first`)
  if (!existsSync(join(data, 'store.sqlite'))) throw nothing()
  const opened = await openTopics(world)
  if ((await (await opened.store()).count()) === 0) throw nothing()
  return openStream(opened, signal)
}
