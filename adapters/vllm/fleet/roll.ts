import { Fatal } from '../../../runtime/errors.ts'
import type { Address, Closing } from '../members.ts'
import type { Keeping, Kept } from './keeping.ts'
import { member } from './member.ts'

/** The servers that the source names, less those that were drained by hand. */
export const roll = <S extends Closing>(keeping: Keeping<S>, changed: (place: Kept<S>) => void) => {
  const members = new Map<string, Kept<S>>()
  const dismissed = new Set<string>()
  let named: readonly Address[] = []
  let closed = false

  const join = (address: Address) => {
    const { key } = address
    const leave = () => {
      members.delete(key)
      update(named) // it may have been named anew while it drained
    }
    // Nothing of a member changes before it has been asked, and that is not before it stands in the list.
    const own: Kept<S> = member(address, keeping, () => changed(own), leave)
    members.set(key, own)
    changed(own)
  }
  const update = (addresses: readonly Address[]) => {
    if (closed) return
    named = addresses
    const keys = new Set(named.map(({ key }) => key))
    for (const key of dismissed) if (!keys.has(key)) dismissed.delete(key)
    for (const each of members.values()) if (!keys.has(each.key)) each.drain().catch(() => {})
    for (const each of named) if (!members.has(each.key) && !dismissed.has(each.key)) join(each)
  }
  return {
    members,
    update,
    dismiss(key: string) {
      const own = members.get(key)
      if (!own) {
        throw new Fatal(`there is no server ${key} to drain; there are: ${[...members.keys()].join(', ') || 'none'}`)
      }
      dismissed.add(key)
      return own.drain()
    },
    async close() {
      closed = true
      const all = [...members.values()]
      members.clear()
      await Promise.all(all.map((each) => each.close()))
    },
  }
}
