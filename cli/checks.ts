import { Fatal } from '../runtime/errors.ts'
import type { World } from './world.ts'

/** @throws Fatal when there is nothing to retrieve from. */
export const stored = async (world: World): Promise<number> => {
  const count = await (await world.store()).count()
  if (count === 0)
    throw new Fatal(`the store in ${world.config.data} holds no passage: gainstream index <corpus> first`)
  return count
}
