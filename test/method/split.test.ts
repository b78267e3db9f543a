import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { connected, splitQueries, type Splittable } from '../../method/split.ts'

const queries = fc
  .array(fc.array(fc.nat(30), { maxLength: 3 }), { maxLength: 60 })
  .map((all): Splittable[] => all.map((passages, i) => ({ id: `q${i}`, passages: passages.map(String) })))
const setting = fc.record({ share: fc.nat(100).map((percent) => percent / 100), seed: fc.nat() })

describe('a split of queries', () => {
  test('shares no passage between its parts, and holds every query once', () => {
    fc.assert(
      fc.property(queries, setting, (all, how) => {
        const { train, dev } = splitQueries(all, how)
        expect([...train, ...dev].toSorted()).toEqual(all.map(({ id }) => id).toSorted())
        const held = new Set(dev)
        const passagesOf = (part: boolean) => all.filter(({ id }) => held.has(id) === part).flatMap((q) => q.passages)
        const seen = new Set(passagesOf(true))
        expect(passagesOf(false).filter((passage) => seen.has(passage))).toEqual([])
      }),
    )
  })

  test('is the same for the same queries in another order', () => {
    fc.assert(
      fc.property(queries, setting, (all, how) => {
        const sorted = (some: readonly Splittable[]) => splitQueries(some, how).dev.toSorted()
        expect(sorted(all.toReversed())).toEqual(sorted(all))
      }),
    )
  })

  const alone = Array.from({ length: 1000 }, (_, i) => ({ id: `q${i}`, passages: [`p${i >> 1}`] }))
  test('sets the asked share aside, others for another seed', () => {
    const of = (seed: number) => splitQueries(alone, { share: 0.2, seed }).dev
    expect(of(1)).toHaveLength(200)
    expect(of(1)).toEqual(of(1))
    expect(of(2).filter((id) => of(1).includes(id)).length).toBeLessThan(80)
  })

  test('never sets more aside than asked, however large a component is', () => {
    const chain = Array.from({ length: 50 }, (_, i) => ({ id: `q${i}`, passages: [`${i}`, `${i + 1}`] }))
    expect(connected(chain)).toHaveLength(1)
    expect(splitQueries(chain, { share: 0.5, seed: 1 })).toEqual({ train: chain.map(({ id }) => id), dev: [] })
    expect(connected([{ id: 'a', passages: [] }, { id: 'b', passages: [] }])).toHaveLength(2) // prettier-ignore
  })
})
