import { collectionsContract } from '../../contracts/collections.ts'
import { openPlace, ownAlias } from './place.ts'

collectionsContract(
  'collections of Milvus',
  (alias) => openPlace(alias),
  () => ownAlias('place'),
)
