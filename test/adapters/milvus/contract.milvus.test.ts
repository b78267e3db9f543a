import { storeContract } from '../../contracts/store.ts'
import { openStore, ownAlias } from './place.ts'

const places = new Map<string, string>()
const aliasOf = (place: string) => {
  const alias = places.get(place) ?? ownAlias('store')
  places.set(place, alias)
  return alias
}

storeContract('a collection of Milvus', (place, dimension) => openStore(aliasOf(place), dimension))
