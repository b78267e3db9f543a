import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assembleCandidates, distinctCandidates, markTwins, normalise, saysNotAvailable } from '../../method/index.ts'
import { candidate, ids } from './candidate.ts'

const words = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ')
const query = { id: 'q1', lang: 'en' }

describe('candidates that are equal after normalising', () => {
  test('are one: the best rank stays with its place, the other ids are listed', () => {
    const found = [
      candidate('c', 3, { text: 'OTHER' }),
      candidate('b', 2, { title: 'Oslo', text: 'The Capital, of Norway', same_as: ['z'] }),
      candidate('a', 1, { title: 'oslo', text: 'capital of norway.', score: 7 }),
      candidate('d', 4, { title: 'Bergen', text: 'capital of Norway' }),
    ]
    expect(distinctCandidates(found)).toEqual([
      { ...found[2]!, same_as: ['b', 'z'] },
      found[0],
      found[3], // another title is another passage
    ])
  })

  test('keep their articles apart where the language is not English', () => {
    const found = [candidate('a', 1, { text: 'die a' }), candidate('b', 2, { text: 'die' })]
    expect(ids(distinctCandidates(found, 'de'))).toEqual(['a', 'b'])
  })

  test('are one by their id, too, which is not listed as its own copy', () => {
    const found = [
      candidate('a', 1, { text: 'new' }),
      candidate('a', 2, { text: 'old' }),
      candidate('b', 3, { text: 'old' }),
    ]
    expect(distinctCandidates(found)).toEqual([{ ...found[0]!, same_as: ['b'] }])
  })

  test('lose nothing and repeat nothing', () => {
    const text = fc.constantFrom('x', 'X.', 'the x', 'y', '', '!', 'y z')
    const found = fc
      .array(fc.tuple(fc.nat(12), text))
      .map((list) => list.map(([id, text], i) => candidate(`p${id}`, i + 1, { text })))
    fc.assert(
      fc.property(found, (all) => {
        const kept = distinctCandidates(all)
        const listed = kept.flatMap(({ id, same_as }) => [id, ...same_as])
        expect(new Set(listed)).toEqual(new Set(ids(all)))
        expect(new Set(kept.map(({ text }) => normalise(text))).size).toBe(kept.length)
        expect(new Set(ids(kept)).size).toBe(kept.length)
        expect(distinctCandidates(kept)).toEqual(kept)
      }),
    )
  })
})

describe('a near-copy', () => {
  const original = candidate('a', 1, { text: words(0, 107) }) // 100 runs of eight

  test.each<[string, string, string | null]>([
    ['shares 80 of 100 runs of eight words', `${words(0, 87)} ${words(200, 220)}`, 'a'],
    ['shares 79 of them and is none', `${words(0, 86)} ${words(200, 221)}`, null],
    ['is the text in other case and punctuation', words(0, 107).toUpperCase().replaceAll(' ', ', '), 'a'],
    ['is no short extract', words(0, 60), null],
    ['is no long text that holds the original', words(0, 300), null],
    ['is not the same words in another order', words(0, 107).split(' ').reverse().join(' '), null],
    ['is not an empty text', '', null],
  ])('%s', (_, text, twin_of) => {
    expect(markTwins([original, candidate('b', 2, { text })])[1]?.twin_of).toBe(twin_of)
  })

  test('is told by runs of eight words, not of seven', () => {
    // 79 of 99 runs of eight are shared, and 80 of 100 runs of seven.
    const pair = [
      candidate('a', 1, { text: words(0, 106) }),
      candidate('b', 2, { text: `${words(0, 86)} ${words(200, 220)}` }),
    ]
    expect(markTwins(pair)[1]?.twin_of).toBeNull()
  })

  test('names the best-ranked original, never another twin', () => {
    const chain = [0, 12, 24].map((from, i) => candidate(`t${i}`, i + 1, { text: words(from, from + 107) }))
    expect(markTwins(chain).map(({ twin_of }) => twin_of)).toEqual([null, 't0', null])
    const same = ['a', 'b', 'c'].map((id, i) => candidate(id, i + 1, { title: id, text: words(0, 50) }))
    expect(markTwins(same).map(({ twin_of }) => twin_of)).toEqual([null, 'a', 'a'])
  })

  test('of fewer than eight words is an equal text under another title', () => {
    const short = [
      candidate('a', 1, { title: 'x', text: 'in Oslo' }),
      candidate('b', 2, { title: 'y', text: 'In Oslo!' }),
    ]
    expect(markTwins([...short, candidate('c', 3, { text: 'in Bergen' })]).map(({ twin_of }) => twin_of)).toEqual([
      null,
      'a',
      null,
    ])
  })

  test('counts characters where the language has no blanks', () => {
    const text = '東京は日本の首都であり人口は約千四百万人で世界最大の都市圏を形成している'
    const pair = [candidate('a', 1, { text }), candidate('b', 2, { text: `${text}。` })]
    expect(markTwins(pair, 'ja')[1]?.twin_of).toBe('a')
    expect(markTwins(pair, 'en')[1]?.twin_of).toBeNull()
  })

  test('two empty texts are not each other’s', () => {
    expect(markTwins([candidate('a', 1, { text: '' }), candidate('b', 2, { text: '...' })])[1]?.twin_of).toBeNull()
  })
})

describe('the candidates of a query', () => {
  const found = [candidate('a', 1), candidate('b', 2, { text: 'Text of: A' }), candidate('c', 3), candidate('d', 4)]
  const pseudo = { text: 'Oslo is a city.', not_available: false }

  test('are the retrieved ones without copies, up to the limit, then the pseudo-passage', () => {
    const all = assembleCandidates(query, found.toReversed(), pseudo, { limit: 2 })
    expect(all.map(({ id, rank, source }) => [id, rank, source])).toEqual([
      ['a', 1, 'retrieved'],
      ['c', 3, 'retrieved'],
      ['generated:q1', 4, 'generated'],
    ])
    expect(all[0]?.same_as).toEqual(['b'])
    expect(all[2]).toMatchObject({ title: '', text: 'Oslo is a city.', score: null, not_available: false })
  })

  test('may be fewer than asked for, or the pseudo-passage alone, or none', () => {
    expect(ids(assembleCandidates(query, found, null, { limit: 100 }))).toEqual(['a', 'c', 'd'])
    expect(assembleCandidates(query, [], pseudo)).toMatchObject([{ id: 'generated:q1', rank: 1 }])
    expect(assembleCandidates(query, [], null)).toEqual([])
  })

  test('hold a pseudo-passage that says N/A only where the setting keeps it, and flagged', () => {
    for (const text of ['N/A', ' n/a. ', '', '\n']) {
      const says = { text, not_available: false }
      expect(ids(assembleCandidates(query, found, says))).toEqual(['a', 'c', 'd'])
      const kept = assembleCandidates(query, found, says, { notAvailable: 'keep' })
      expect(kept.at(-1)).toMatchObject({ source: 'generated', not_available: true })
    }
    expect(ids(assembleCandidates(query, [], { text: 'not sure', not_available: true }))).toEqual([])
  })

  test('mark a pseudo-passage that repeats a retrieved one', () => {
    const known = candidate('a', 1, { title: 'Oslo', text: words(0, 60) })
    const [, generated] = assembleCandidates(query, [known], { text: words(0, 60), not_available: false })
    expect(generated?.twin_of).toBe('a')
    const untitled = assembleCandidates(query, [{ ...known, title: '' }], { text: words(0, 60), not_available: false })
    expect(untitled).toMatchObject([{ id: 'a', same_as: ['generated:q1'] }])
  })

  test('know what counts as not available', () => {
    expect(['N/A', 'na', 'N / A', 'the', '', 'Nat'].map((text) => saysNotAvailable(text))).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
    ])
  })
})
