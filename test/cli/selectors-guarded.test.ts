/** A watched selector must not cost answers. */
import { expect, test } from 'vitest'
import { watchedSelector } from '../../cli/selectors/guarding.ts'
import type { Selector } from '../../method/ports.ts'
import { unobserved } from '../../runtime/observe.ts'

const never = new AbortController().signal

test('a watched selector that fails five times in a row is asked no more, and that is said once', async () => {
  let calls = 0
  let works = false
  const said: string[] = []
  const selector: Selector = {
    identity: { name: 'challenger', sha256: 'abc' },
    score: async () => {
      calls++
      if (!works) throw new Error('broken')
      return [1]
    },
  }
  const logger = { ...unobserved.logger, error: (_fields: object, message: string) => void said.push(message) }
  const watched = watchedSelector(selector, logger)
  const ask = () => watched.score('q', [], never).catch((error: unknown) => (error as Error).message)
  for (let i = 0; i < 4; i++) expect(await ask()).toBe('broken')
  works = true
  expect(await ask()).toEqual([1]) // in a row: it begins to count again
  works = false
  for (let i = 0; i < 5; i++) expect(await ask()).toBe('broken')
  expect(await ask()).toBe('challenger is not watched any more')
  expect([calls, said]).toEqual([10, ['challenger failed 5 times in a row and is not watched any more']])
})
