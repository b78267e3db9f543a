/** Questions in the shape in which their datasets are published; the words are ours. */
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readPassages, readQueries } from '../../../adapters/files/index.ts'
import { Rejected } from '../../../runtime/errors.ts'
import { collect, refusal, scratch } from './folder.ts'

const { file } = scratch()
const read = async (content: string | Buffer) => {
  const remarks: string[] = []
  const at = file('questions', content)
  const lines = await collect(readQueries(at, { onIgnored: (remark) => remarks.push(remark.slice(at.length)) }))
  return { queries: lines.map(({ value: { lang: _, gold_passage_ids: __, ...query } }) => query), remarks, lines }
}
const derived = expect.stringMatching(/^[0-9a-f]{16}$/) as unknown

const hotpot = {
  _id: '5a8b57f25542995d1e6f1371',
  answer: 'yes',
  question: 'Were A and B of one nationality?',
  supporting_facts: [['A', 0]],
  context: [['A', ['A is …', ' He …']]],
  type: 'comparison',
  level: 'hard',
}
const { level: _level, ...withoutLevel } = hotpot
const wiki2 = { ...withoutLevel, type: 'compositional', evidences: [['A', 'father', 'B']], answer: 'B' }

const article = (...qas: object[]) => ({
  title: 'Warsaw',
  paragraphs: [
    { context: 'Warsaw is …', qas: qas.slice(0, 1) },
    { context: '…', qas: qas.slice(1) },
  ],
})
const asked = { id: '56be', question: 'Which city?', answers: [{ text: 'Warsaw', answer_start: 0 }, { text: 'Warsaw', answer_start: 9 }, { text: 'the city of Warsaw', answer_start: 3 }] } // prettier-ignore
const { answers: golds } = { answers: ['Warsaw', 'the city of Warsaw'] }
const impossible = { id: '5ad3', question: 'Which moon?', answers: [], is_impossible: true, plausible_answers: [{ text: 'Io', answer_start: 4 }] } // prettier-ignore

const trivia = {
  Answer: { Aliases: ['Sunset Boulevard', 'Sunset Blvd', ''], NormalizedAliases: ['sunset blvd'], NormalizedValue: 'sunset boulevard', Type: 'WikipediaEntity', Value: 'Sunset Boulevard (film)' },
  EntityPages: [{ Filename: 'x.txt', Title: 'x' }],
  Question: 'Which film?',
  QuestionId: 'tc_1',
  QuestionSource: 'http://www.example.org/',
  SearchResults: [],
} // prettier-ignore

const freebase = 'http://www.freebase.com/view/en/jamaica'
const list = '(list (description "Jamaican Creole English") (description English) (description "a \\"b\\""))'

describe('a dataset’s own file is read', () => {
  const shapes: [string, unknown, object[]][] = [
    ['HotpotQA', [hotpot], [{ id: hotpot._id, question: hotpot.question, answers: ['yes'], dataset: 'hotpotqa' }]],
    ['HotpotQA without levels', [withoutLevel], [{ id: hotpot._id, question: hotpot.question, answers: ['yes'], dataset: 'hotpotqa' }]],
    ['2WikiMultiHopQA', [wiki2], [{ id: hotpot._id, question: hotpot.question, answers: ['B'], dataset: '2wikimultihopqa' }]],
    ['2WikiMultiHopQA’s test part', [{ ...wiki2, answer: '', evidences: [] }], [{ id: hotpot._id, question: hotpot.question, answers: [], dataset: '2wikimultihopqa' }]],
    ['SQuAD 1.1', { data: [article(asked), article({ ...asked, id: '2' }, { ...asked, id: '3' })], version: '1.1' }, ['56be', '2', '3'].map((id) => ({ id, question: asked.question, answers: golds, dataset: 'squad' }))],
    ['SQuAD 2.0', { version: 'v2.0', data: [article(impossible, { ...asked, is_impossible: false })] }, [{ id: '56be', question: asked.question, answers: golds, dataset: 'squad' }]],
    ['SQuAD with answers as tables have them', [{ id: 'x', title: 'T', context: '…', question: 'Which?', answers: { text: ['a', 'a'], answer_start: [1, 2] } }], [{ id: 'x', question: 'Which?', answers: ['a'], dataset: 'squad' }]],
    ['TriviaQA', { Data: [trivia], Domain: 'Web', Version: 1 }, [{ id: 'tc_1', question: 'Which film?', answers: ['Sunset Boulevard (film)', 'Sunset Boulevard', 'Sunset Blvd'], dataset: 'triviaqa' }]],
    ['TriviaQA’s test part', { Data: [{ ...trivia, Answer: undefined }] }, [{ id: 'tc_1', question: 'Which film?', answers: [], dataset: 'triviaqa' }]],
    ['TriviaQA as tables have it', [{ question: 'Which film?', question_id: 'tc_2', answer: { value: 'B', aliases: ['A', 'B'] } }], [{ id: 'tc_2', question: 'Which film?', answers: ['B', 'A'], dataset: 'triviaqa' }]],
    ['WebQuestions', [{ url: freebase, targetValue: list, utterance: 'what do they speak?' }], [{ id: derived, question: 'what do they speak?', answers: ['Jamaican Creole English', 'English', 'a "b"'], dataset: 'webquestions' }]],
    ['WebQuestions with lists', [{ url: freebase, question: 'what?', answers: ['English'] }], [{ id: derived, question: 'what?', answers: ['English'], dataset: 'webquestions' }]],
    ['WebQuestions with ids', [{ qId: 'wqr1', qText: 'what?', answers: ['English'], freebaseKey: 'jamaica' }], [{ id: 'wqr1', question: 'what?', answers: ['English'], dataset: 'webquestions' }]],
    ['NQ-open', [{ question: 'who?', answer: ['Kent', 'Albany'] }], [{ id: derived, question: 'who?', answers: ['Kent', 'Albany'], dataset: '' }]],
    ['FlashRAG', [{ id: 'test_0', question: 'who?', golden_answers: ['Kent'], metadata: { type: 'bridge' } }], [{ id: 'test_0', question: 'who?', answers: ['Kent'], dataset: '' }]],
    ['a question with an address that is no dataset’s', [{ url: 'http://example.org', question: 'who?', answers: ['a'] }], [{ id: derived, question: 'who?', answers: ['a'], dataset: '' }]],
    ['a question with an id of another kind', [{ question_id: 4, question: 'who?', answers: ['a'] }], [{ id: derived, question: 'who?', answers: ['a'], dataset: '' }]],
  ] // prettier-ignore

  test.each(shapes)('%s, on one line, on many, behind a mark and packed', async (_name, content, expected) => {
    const line = JSON.stringify(content)
    const indented = JSON.stringify(content, null, 4)
    const forms = [line, indented, `\uFEFF${indented.replaceAll('\n', '\r\n')}\r\n`, gzipSync(indented)]
    for (const form of forms) expect((await read(form)).queries).toEqual(expected)
    if (Array.isArray(content))
      expect((await read(content.map((one) => JSON.stringify(one)).join('\n\n'))).queries).toEqual(expected)
  })

  test('and says how many questions without an answer it left out', async () => {
    const content = { version: 'v2.0', data: [article(impossible, asked), article({ ...impossible, id: '2' })] }
    expect((await read(JSON.stringify(content))).remarks).toEqual([
      ': 2 questions that are marked as having no answer were left out',
    ])
  })

  test('and is silent of fields that belong to the format', async () => {
    for (const content of [[hotpot], [wiki2], { Data: [trivia] }])
      expect((await read(JSON.stringify(content))).remarks).toEqual([])
  })

  test('with the lines on which its items begin', async () => {
    const content = `{"version": "1.1",\n "data": [\n${JSON.stringify(article(asked))},\n\n${JSON.stringify(article({ ...asked, id: '2' }))}]\n}`
    expect((await read(content)).lines.map(({ line }) => line)).toEqual([3, 5])
  })

  test('cut anywhere by the parts in which a file is read', async () => {
    const data = Array.from({ length: 700 }, (_, i) =>
      article({ ...asked, id: String(i), question: `${i} ${'ü'.repeat(i)}?` }),
    )
    const { queries } = await read(JSON.stringify({ data, version: '1.1' }))
    expect(queries.map(({ id }) => id)).toEqual(data.map((_, i) => String(i)))
  })
})

describe('a dataset’s file that is broken is refused with its place', () => {
  const bad: [string, unknown, string][] = [
    ['SQuAD without a question', { data: [article(asked, { id: '2', answers: [] })] }, 'line 1, item 1, question 2: the question is missing; give it as question or query (this record has id, answers)'],
    ['SQuAD without questions', { data: [{ title: 'T', paragraphs: [{ context: '…' }] }] }, "line 1, item 1: qas is missing or no list; in SQuAD's format an article has paragraphs, a paragraph has qas"],
    ['SQuAD with an id twice', { data: [article(asked), article(asked)] }, 'line 1, item 2, question 1: the id 56be was given to item 1 already; ids must differ'],
    ['SQuAD with an answer that is none', { data: [article({ ...asked, answers: [{ text: 4 }, { text: {} }] })] }, 'line 1, item 1, question 1: text is a record; it must be a text in quotes'],
    ['TriviaQA without a question', { Data: [{ ...trivia, Question: ' ' }] }, 'line 1, item 1: question is empty; fill it in or delete the record'],
    ['HotpotQA with an answer that is none', [{ ...hotpot, answer: { a: 1 } }], 'line 1, item 1: answer is a record; it must be a text in quotes'],
    ['WebQuestions with something else as its list', [{ url: freebase, utterance: 'what?', targetValue: '(list (description "a") (eval "b"))' }], 'line 1, item 1: targetValue is no list of descriptions; write it as (list (description "…") …)'],
  ] // prettier-ignore
  test.each(bad)('%s', async (_name, content, words) => {
    const at = file('questions', JSON.stringify(content))
    const error = await refusal(collect(readQueries(at)))
    expect(error).toBeInstanceOf(Rejected)
    expect(error.message).toBe(`${at} ${words}`)
  })

  test('SQuAD cut short', async () => {
    const at = file('a', JSON.stringify({ data: [article(asked)] }).slice(0, -3))
    expect((await refusal(collect(readQueries(at)))).message).toBe(
      `${at} line 1: the array that begins here has no end; the file is cut short`,
    )
  })

  test('SQuAD in the place of a corpus', async () => {
    const at = file('a', JSON.stringify({ data: [article(asked)] }))
    expect((await refusal(collect(readPassages(at)))).message).toBe(
      `${at} line 1, item 1, question 1: this is a query, not a passage; name a corpus here`,
    )
  })
})
