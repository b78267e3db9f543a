import { Fatal } from '../runtime/errors.ts'
import { checkSearchable, isBegun } from './collections.ts'
import { openStream, openTopics } from './streams.ts'
import type { World } from './world.ts'

/** A stream with passages to search; without any, no settings are settled. @throws Fatal when there are none. */
export const openFilled = async (world: World, signal: AbortSignal): Promise<World> => {
  const { config } = world
  if (!isBegun(config)) throw new Fatal(`the store in ${config.data} holds no passage: gainstream index <corpus> first`)
  const opened = await openTopics(world)
  await checkSearchable(await opened.stores(), signal)
  return openStream(opened, signal)
}
