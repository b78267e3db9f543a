import { describe, expect, test } from 'vitest'
import { evaluate } from '../../processors/index.ts'
import { estimates, fold, merged, type Totals } from '../../runtime/totals.ts'
import type { Answer } from '../../schemas/answer.ts'
import type { Context, Scored, Shadowed } from '../../schemas/context.ts'
import type { Query } from '../../schemas/query.ts'
import { metrics } from '../../topics/index.ts'
import { candidate } from '../method/candidate.ts'
import { asked, identity, key, single, taken, usage } from './records.ts'

const scored = (id: string, rank: number, more: Partial<Scored> = {}): Scored => ({
  ...{ id, rank, score: 10 - rank, source: 'retrieved', has_answer: false, gold: null },
  ...more,
})
const selector = { name: 'double', sha256: 'abc' }
const two = [scored('a', 2, { score: 5, has_answer: true }), scored('b', 1, { score: 3.5 })]

const answer = (more: Partial<Answer> = {}, about: Partial<Query> = {}, list = two): Answer => ({
  context: { ...asked(about), kept: [], scored: list, selector, abstained: false, shadow: null },
  ...{ prediction: 'the Danube', passages: 1 },
  ...{ reader: identity, usage, answered_at: 1250, cut: null },
  ...more,
})

const evaluated = async (value: Answer) => {
  const { outputs, tally } = await taken(evaluate, value, {})
  return { ...single(outputs, metrics), tally: tally! }
}

describe('evaluate', () => {
  test('grades an answer and says which passage was chosen, how clearly, and by whom', async () => {
    const { key: given, value } = await evaluated(answer())
    expect(given).toBe(key)
    expect(value).toEqual({
      ...{ run: 'monday', query_id: 'nq/12', dataset: 'nq', graded: true, question: asked().query.question },
      ...{ prediction: 'the Danube', strict_em: 1, boundary_em: 1, containment_em: 1, f1: 1 },
      ...{ chosen_id: 'a', chosen_source: 'retrieved', chosen_rank: 2, chosen_score: 5, margin: 1.5 },
      ...{ chosen_has_answer: true, oracle_has_answer: true, hit: null, latency_ms: 250 },
      ...{ selector, reader: identity, usage, abstained: false },
      ...{ shadow_selector: null, shadow_agrees: null, shadow_hit: null, shadow_has_answer: null },
    })
  })

  test('counts the grades under the dataset, and the cost in time under the stage', async () => {
    const { tally } = await evaluated(answer({ prediction: 'Danube delta' }))
    expect(tally).toEqual({
      outcome: 'graded',
      sums: { latency_ms: 250, generated_chosen: 0, abstained: 0 },
      figures: {
        group: 'nq',
        values: {
          strict_em: 0,
          boundary_em: 1,
          containment_em: 1,
          f1: expect.closeTo(2 / 3, 12) as number,
          has_answer: 1,
          oracle: 1,
        },
      },
    })
    expect((await evaluated(answer({}, { dataset: '' }))).tally.figures?.group).toBe('all')
  })

  test('a live query leaves an ungraded metric that counts as an outcome and in no mean', async () => {
    const unknown = two.map((each) => ({ ...each, has_answer: null }))
    const { value, tally } = await evaluated(answer({}, { answers: [] }, unknown))
    expect(value).toMatchObject({ graded: false, strict_em: null, boundary_em: null, containment_em: null, f1: null })
    expect(value).toMatchObject({ chosen_has_answer: null, oracle_has_answer: null, hit: null })
    expect(value).toMatchObject({ chosen_id: 'a', chosen_source: 'retrieved', chosen_score: 5, margin: 1.5 })
    expect(tally).toEqual({ outcome: 'ungraded', sums: { latency_ms: 250, generated_chosen: 0, abstained: 0 } })
  })

  test('golds that normalise to nothing are graded, and matched by nothing', async () => {
    const { value } = await evaluated(answer({ prediction: '' }, { answers: ['...'] }))
    expect(value).toMatchObject({ graded: true, strict_em: 0, containment_em: 0, f1: 0 })
  })

  test('without a passage before the reader nothing was chosen, and the oracle is still known', async () => {
    const { value, tally } = await evaluated(answer({ passages: 0 }))
    expect(value).toMatchObject({ chosen_id: null, chosen_source: null, chosen_rank: null, chosen_score: null })
    expect(value).toMatchObject({ margin: null, chosen_has_answer: null, oracle_has_answer: true })
    expect(tally.figures?.values).not.toHaveProperty('has_answer')
  })

  test('without a passage before the reader nobody hit a gold passage, and nobody missed one', async () => {
    const list = [scored('g', 1, { gold: true }), scored('b', 2, { gold: false })]
    const { value, tally } = await evaluated(answer({ passages: 0 }, { gold_passage_ids: ['g'] }, list))
    expect(value.hit).toBeNull()
    expect(tally.figures?.values).not.toHaveProperty('hit')
  })

  test('where there were no candidates the oracle has no answer either: it is a miss, not unknown', async () => {
    const { value, tally } = await evaluated(answer({ passages: 0 }, { gold_passage_ids: ['g'] }, []))
    expect(value).toMatchObject({ oracle_has_answer: false, hit: false })
    expect(tally.figures?.values).toMatchObject({ oracle: 0, hit: 0 })
  })

  test('a single candidate has no margin', async () => {
    expect((await evaluated(answer({}, {}, two.slice(0, 1)))).value.margin).toBeNull()
  })

  test('choices of the pseudo-passage are counted', async () => {
    const { value, tally } = await evaluated(answer({}, {}, [scored('generated:nq/12', 3, { source: 'generated' })]))
    expect(value.chosen_source).toBe('generated')
    expect(tally.sums).toMatchObject({ generated_chosen: 1 })
  })

  test.each([
    ['the first retrieved one is gold', [false, true], true],
    ['a later one is gold', [false, false, true], false],
    ['none is', [false, false], false],
  ])('hit sets the pseudo-passage aside: %s', async (_what, golds, hit) => {
    const list = golds.map((gold, i) => scored(`p${i}`, i + 1, { gold, source: i === 0 ? 'generated' : 'retrieved' }))
    const { value, tally } = await evaluated(answer({}, { gold_passage_ids: ['g'] }, list))
    expect(value.hit).toBe(hit)
    expect(tally.figures?.values).toMatchObject({ hit: Number(hit) })
  })

  test('the mean of hits is over the queries whose gold passages are known', async () => {
    const known = await evaluated(answer({}, { id: '1', gold_passage_ids: ['a'] }, [scored('a', 1, { gold: true })]))
    const unknown = await evaluated(answer({}, { id: '2' }))
    const blank: Totals = {
      ...{ stream: 's', run: 'monday', stage: 'evaluate', partition: 0 },
      ...{ counts: {}, sums: {}, replicates: {}, updated_at: 0, recent: {} },
    }
    const tallies = [known, unknown].map(({ tally }, i) => ({ ...tally, run: 'monday', id: `${i}` }))
    const { nq } = estimates(merged([fold(blank, tallies, 1)]).figures)
    expect(nq!.strict_em).toMatchObject({ n: 2, mean: 1 })
    expect(nq!.hit).toMatchObject({ n: 1, mean: 1 })
  })
})

describe('evaluate of a choice that was abstained from, or watched', () => {
  const listed = [scored('a', 2, { has_answer: true, gold: false }), scored('b', 1, { gold: true })]
  const kept = [candidate('a', 2)]
  const other = { name: 'challenger', sha256: 'def' }
  const watched = (chosen: string | null): Shadowed => ({ selector: other, chosen, scores: [1, 2] })
  const shadowed = async (chosen: string | null, more: Partial<Context> = {}) => {
    const { context } = answer({}, { gold_passage_ids: ['b'] }, listed)
    return evaluated(answer({ context: { ...context, kept, shadow: watched(chosen), ...more } }))
  }

  test('an abstention is counted, and nothing was chosen', async () => {
    const { context } = answer()
    const { value, tally } = await evaluated(answer({ context: { ...context, abstained: true }, passages: 0 }))
    expect(value).toMatchObject({ abstained: true, chosen_id: null, margin: null, oracle_has_answer: true })
    expect(tally.sums).toEqual({ latency_ms: 250, generated_chosen: 0, abstained: 1 })
  })

  test('how the watched selector would have chosen stands beside how it was chosen', async () => {
    const { value, tally } = await shadowed('b')
    expect(value).toMatchObject({ chosen_id: 'a', hit: false, chosen_has_answer: true, selector })
    expect(value).toMatchObject({ shadow_selector: other, shadow_agrees: false, shadow_hit: true })
    expect(value.shadow_has_answer).toBe(false)
    expect(tally.sums).toMatchObject({ shadowed: 1, shadow_agreed: 0 })
    expect(tally.figures?.values).toMatchObject({ hit: 0, shadow_hit: 1 })
  })

  test('where both choose the same they agree, also in choosing nothing', async () => {
    expect((await shadowed('a')).tally.sums).toMatchObject({ shadowed: 1, shadow_agreed: 1 })
    expect((await shadowed(null, { kept: [], abstained: true })).value.shadow_agrees).toBe(true)
    expect((await shadowed(null)).value.shadow_agrees).toBe(false)
  })

  test('where it would have abstained its first choice is judged all the same, as that of the one in force is', async () => {
    const { value, tally } = await shadowed(null)
    expect(value).toMatchObject({ shadow_hit: true, shadow_has_answer: null })
    expect(tally.figures?.values).toMatchObject({ shadow_hit: 1 })
  })

  test('its ties keep retrieval order', async () => {
    const shadow = { selector: other, chosen: 'b', scores: [2, 2] } // of a, which came second, and b, which came first
    expect((await shadowed('b', { shadow })).value.shadow_hit).toBe(true)
  })

  test('its pseudo-passage is set aside as for the selector in force: what it would take then is its hit', async () => {
    const list = [scored('g', 3, { source: 'generated', gold: false }), ...listed]
    const { context } = answer({}, { gold_passage_ids: ['b'] }, list)
    const shadow = { selector: other, chosen: 'g', scores: [9, 1, 2] } // of g, a and b
    const { value } = await evaluated(answer({ context: { ...context, kept, shadow } }))
    expect(value).toMatchObject({ hit: false, shadow_hit: true })
  })

  test('without known gold passages nobody knows whether it hit', async () => {
    const { context } = answer()
    const { value, tally } = await evaluated(answer({ context: { ...context, shadow: watched('b') } }))
    expect(value.shadow_hit).toBeNull()
    expect(tally.figures?.values).not.toHaveProperty('shadow_hit')
  })
})
