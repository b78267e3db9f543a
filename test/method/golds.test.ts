import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { distinctGolds, normalise } from '../../method/index.ts'

const thirty = Array.from({ length: 30 }, (_, i) => `alias ${i}`)

describe('golds', () => {
  test.each<[string, string[], Parameters<typeof distinctGolds>[1], string[], number]>([
    ['that differ in case are one, the first spelling kept', ['oslo', 'Oslo', 'OSLO'], {}, ['oslo'], 0],
    ['that differ in punctuation and articles are one', ['The U.S.', 'US', 'an us!'], {}, ['The U.S.'], 0],
    ['keep articles apart in German', ['die a', 'die'], { lang: 'de' }, ['die a', 'die'], 0],
    [
      'of another spelling stay under the published rule',
      ['Oslo', 'OSLO', 'Oslo'],
      { exact: true },
      ['Oslo', 'OSLO'],
      0,
    ],
    ['past the eighth are counted, not scored', thirty, {}, thirty.slice(0, 8), 22],
    ['are limited by the setting', thirty, { maxGolds: 2 }, thirty.slice(0, 2), 28],
    ['are limited after equal ones became one', ['a b', 'A B', 'c'], { maxGolds: 2 }, ['a b', 'c'], 0],
    ['that are blank are none', ['', '  ', '\u3000', 'x'], {}, ['x'], 0],
    ['may be none at all', [], {}, [], 0],
    ['of punctuation alone can still be scored', ['!!!'], {}, ['!!!'], 0],
    [
      'with the names of object members are plain words',
      ['__proto__', 'constructor'],
      {},
      ['__proto__', 'constructor'],
      0,
    ],
  ])('%s', (_, answers, options, golds, leftOut) => {
    expect(distinctGolds(answers, options)).toEqual({ golds, leftOut })
  })

  test('are distinct, in their order, and every answer is found among them', () => {
    const answers = fc.array(fc.oneof(fc.constantFrom('Oslo', 'oslo', 'The Oslo', 'Bergen'), fc.string()))
    fc.assert(
      fc.property(answers, (given) => {
        const { golds } = distinctGolds(given, { maxGolds: Infinity })
        const normalised = golds.map((gold) => normalise(gold))
        expect(new Set(normalised).size).toBe(golds.length)
        expect(golds).toEqual(golds.toSorted((a, b) => given.indexOf(a) - given.indexOf(b)))
        for (const answer of given) if (answer.trim() !== '') expect(normalised).toContain(normalise(answer))
      }),
    )
  })
})
