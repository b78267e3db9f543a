/** Somebody who searches all the time, whatever happens to the store. */
import type { Stores } from '../../../cli/collections.ts'
import { Fatal, Unavailable } from '../../../runtime/errors.ts'
import { pause } from '../../../runtime/wait.ts'
import { simulatedVector } from './vectors.ts'

export interface Searched {
  /** Searches that found the passage, those that failed because the store was away, and the longest time without any. */
  readonly found: number
  readonly away: number
  readonly seconds: number
  /** Wrong passages and errors that are nobody's idea of an absent store. */
  readonly wrong: readonly string[]
}

/** Longer than `milvus.timeout`: a store that does not answer says so itself, as one that is away. */
const patience = 60_000

export const searching = ({ search }: Stores, questions: readonly { readonly id: string; readonly text: string }[]) => {
  const [begun, wrong] = [performance.now(), [] as string[]]
  let [found, away, last, longest] = [0, 0, begun, 0]
  let going = true
  const one = async (at: number) => {
    const { id, text } = questions[at % questions.length]!
    try {
      const [near] = await search.near(simulatedVector(text), 1, AbortSignal.timeout(patience))
      if (near?.passage.id !== id) wrong.push(`${near?.passage.id ?? 'nothing'} instead of ${id}`)
      found++
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    } catch (error) {
      if (error instanceof Unavailable && !(error instanceof Fatal)) away++
      else wrong.push(String(error))
    }
  }
  const loop = (async () => {
    for (let at = 0; going; at++) {
      await one(at)
      await pause(100)
    }
  })()
  return {
    async end(): Promise<Searched> {
      going = false
      await loop
      return { found, away, seconds: longest / 1000, wrong }
    },
  }
}
