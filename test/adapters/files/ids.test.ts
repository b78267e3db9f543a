import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seenIds } from '../../../adapters/files/ids.ts'

describe('ids that were met', () => {
  const id = fc.oneof(
    fc.nat(40).map(String),
    fc.constantFrom('01', '-1', '1.0', '', 'a', 'ä', '9007199254740993', 'NaN'),
  )
  test('are told from new ones, with the place of the first', () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 200 }), fc.nat(3), (ids, gap) => {
        const seen = seenIds()
        const known = new Map<string, number>()
        ids.forEach((each, i) => {
          const place = 1 + i * (1 + gap)
          expect(seen.before(each, place)).toBe(known.get(each))
          if (!known.has(each)) known.set(each, place)
        })
      }),
    )
  })

  test('are known in the row of numbers too where they came ahead of it', () => {
    const seen = seenIds()
    const places = ['1', '3', '2', '3', '4', '3', '2'].map((each, i) => seen.before(each, i + 1))
    expect(places).toEqual([undefined, undefined, undefined, 2, undefined, 2, 3])
  })

  test('take next to nothing where they count up, through blank lines too', () => {
    const seen = seenIds()
    for (let i = 1; i <= 300_000; i++) expect(seen.before(String(i), i < 1000 ? i + 1 : i + 5)).toBeUndefined()
    expect(seen.bytes).toBeLessThan(100)
    expect(seen.before('999', 1)).toBe(1000)
    expect(seen.before('1000', 1)).toBe(1005)
    expect(seen.before('300000', 1)).toBe(300_005)
  })

  test('take less than 30 bytes each otherwise', () => {
    const seen = seenIds()
    for (let i = 1; i <= 200_000; i++) if (seen.before(`doc-${i}`, i) !== undefined) expect(i).toBe(0)
    expect(seen.bytes / 200_000).toBeLessThan(30)
    for (let i = 1; i <= 200_000; i += 997) expect(seen.before(`doc-${i}`, 1_000_000)).toBe(i)
  })
})
