/** A selector with those who use it: the last one to leave closes it, once nobody new may come. */
import type { Selector } from '../../method/ports.ts'

export interface Held {
  readonly selector: Selector
  /** One more uses it; what comes back says, once, that it does no more. */
  take(): () => void
  /** Nobody takes it from now on. Resolves when it is closed. */
  retire(): Promise<void>
}

export const hold = (selector: Selector): Held => {
  let users = 0
  const empty = Promise.withResolvers<void>()
  let isRetired = false
  const look = () => {
    if (isRetired && users === 0) empty.resolve()
  }
  return {
    selector,
    take() {
      users++
      let isIn = true
      return () => {
        if (isIn) users--
        isIn = false
        look()
      }
    },
    async retire() {
      isRetired = true
      look()
      await empty.promise
      await selector.close?.()
    },
  }
}
