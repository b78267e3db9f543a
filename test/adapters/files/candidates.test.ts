import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readCandidates } from '../../../adapters/files/index.ts'
import { Rejected } from '../../../runtime/errors.ts'
import { collect, refusal, scratch } from './folder.ts'

const { file } = scratch()
const read = async (content: string | Buffer) =>
  (await collect(readCandidates(file('lists', content)))).map(({ value }) => value)
const derived = expect.stringMatching(/^[0-9a-f]{16}$/) as unknown

const ctxs = [
  { id: 'wiki:12', title: 'Lear', text: 'Kent lives.', score: '82.5', has_answer: true },
  { id: 'wiki:3', title: 'Albany', text: 'He too.', score: '80', has_answer: false },
]
const two = [
  { id: 'wiki:12', title: 'Lear', text: 'Kent lives.', score: 82.5 },
  { id: 'wiki:3', title: 'Albany', text: 'He too.', score: 80 },
]
const contents = [
  { id: '12', contents: '"Lear"\nKent lives.', score: 0.5 },
  { id: '3', contents: 'He too.' },
]
const asked = { question: 'who lives?', answers: ['Kent'] }

describe('lists of passages that somebody else retrieved are read', () => {
  const shapes: [string, object, object, object[]][] = [
    ['as DPR and Rankify write them', { ...asked, ctxs }, { id: derived, answers: ['Kent'] }, two],
    ['with contexts', { ...asked, contexts: ctxs }, { id: derived, answers: ['Kent'] }, two],
    ['as FlashRAG keeps them', { id: 't_0', question: 'who lives?', golden_answers: ['Kent'], metadata: {}, output: { retrieval_result: contents, pred: 'Kent' } }, { id: 't_0', answers: ['Kent'] }, [{ id: '12', title: 'Lear', text: 'Kent lives.', score: 0.5 }, { id: '3', title: '', text: 'He too.', score: null }]],
    ['as FlashRAG has them in hand', { id: 't_0', question: 'who lives?', golden_answers: ['Kent'], retrieval_result: contents.slice(1) }, { id: 't_0' }, [{ id: '3', title: '', text: 'He too.', score: null }]],
    ['as GainRAG has them', { question: 'who lives?', golden_answers: ['Kent'], passages: [{ title: 'Lear', text: 'Kent lives.', score: 1, hasanswer: true }] }, { id: derived, answers: ['Kent'] }, [{ id: derived, title: 'Lear', text: 'Kent lives.', score: 1 }]],
    ['as we write them', { id: 'q', ...asked, dataset: 'nq', passages: [{ ...two[0], score: null }, two[1]] }, { id: 'q', dataset: 'nq' }, [{ ...two[0], score: null }, two[1]] as object[]],
    ['with repeats, in the order that they have', { id: 'q', ...asked, passages: [two[1], two[0], two[1]] }, { id: 'q' }, [two[1], two[0], two[1]] as object[]],
    ['without golds', { question: 'who lives?', ctxs }, { id: derived, answers: [] }, two],
    ['with a dataset’s own fields', { _id: 'h', question: 'who lives?', answer: 'Kent', supporting_facts: [], level: 'hard', context: [['A', ['b']]], ctxs }, { id: 'h', answers: ['Kent'], dataset: 'hotpotqa' }, two],
  ] // prettier-ignore
  test.each(shapes)('%s', async (_name, record, query, passages) => {
    const other = { id: 'other', question: 'ü?', passages: [{ text: 'x' }] }
    const lines = `${JSON.stringify(record)}\r\n\r\n${JSON.stringify(other)}`
    for (const form of [lines, `\uFEFF${lines}`, JSON.stringify([record, other], null, 4), gzipSync(lines)]) {
      const [first, second] = await read(form)
      expect(first?.query).toMatchObject({ question: 'who lives?', ...query })
      expect(first?.passages).toEqual(passages)
      expect(second?.passages).toEqual([{ id: derived, title: '', text: 'x', score: null }])
    }
  })

  const bad: [string, object[], string][] = [
    ['no list', [{ ...asked, id: 1 }], 'line 1: there is no list of passages; give one as passages or ctxs or contexts or retrieval_result (this record has question, answers, id)'],
    ['an empty list', [{ ...asked, ctxs: [] }], 'line 1: ctxs must be a list of at least one {"title": …, "text": …}'],
    ['something else', [{ ...asked, output: { retrieval_result: 'x' } }], 'line 1: output.retrieval_result must be a list of at least one {"title": …, "text": …}'],
    ['a text for a passage', [{ ...asked, contexts: ['x'] }], 'line 1: contexts[0]: this is a string, not a record; write it as {"field": value, …}'],
    ['an empty passage', [{ ...asked, ctxs: [ctxs[0], { title: 'T', text: '' }] }], 'line 1: ctxs[1]: text is empty; fill it in or delete the record'],
    ['a score that is none', [{ ...asked, ctxs: [{ text: 'x', score: 'high' }] }], 'line 1: ctxs[0]: score is no number; give one, or null where there is none'],
    ['an endless score', [{ ...asked, ctxs: [{ text: 'x', score: 'Infinity' }] }], 'line 1: ctxs[0]: score is no number; give one, or null where there is none'],
    ['no question', [{ ctxs }], 'line 1: the question is missing; give it as question or query (this record has ctxs)'],
    ['an id twice', [{ id: 'q', ...asked, ctxs }, { id: 'q', ...asked, ctxs }], 'line 2: the id q was given to line 1 already; ids must differ'],
    ['a question twice', [{ ...asked, ctxs }, { ...asked, ctxs: ctxs.slice(1) }], 'line 2: this is the question of line 1 again; give each list an id of its own'],
    ['a slip of the pen', [{ ...asked, pasages: ctxs }], 'line 1: the field pasages is unknown; did you mean passages?'],
  ] // prettier-ignore
  test.each(bad)('and refused with %s', async (_name, records, words) => {
    const at = file('lists', records.map((record) => JSON.stringify(record)).join('\n'))
    const error = await refusal(collect(readCandidates(at)))
    expect(error).toBeInstanceOf(Rejected)
    expect(error.message).toBe(`${at} ${words}`)
  })
})
