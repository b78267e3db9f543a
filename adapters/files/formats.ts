/**
 * Questions as the datasets of the field publish them, said in the names that we read. A format is known by its fields:
 *
 *     HotpotQA           _id|id, question, answer, supporting_facts, level, type, context
 *     2WikiMultiHopQA    the same without level, with evidences
 *     SQuAD              id, question, answers: [{text, answer_start}], is_impossible (2.0); or answers: {text: []}
 *     TriviaQA           QuestionId, Question, Answer: {Value, Aliases}; or question_id, question, answer: {value, aliases}
 *     WebQuestions       url, utterance, targetValue: (list (description "…")); or url, question, answers; or qId, qText
 *
 * NQ-open (question, answer: []), FlashRAG (id, question, golden_answers) and DPR's tables need no translation.
 */
import { Rejected } from '../../runtime/errors.ts'
import { asFields, texts, type Fields } from './fields.ts'

interface Format {
  /** All of these are there. */
  readonly has: readonly string[]
  /** And this holds. */
  readonly is?: (fields: Fields) => boolean
  /** In our names; `undefined` for a question that is marked as having no answer. */
  readonly read: (fields: Fields) => Fields | undefined
}

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const distinct = (all: readonly string[]) => [...new Set(all)].filter((text) => text.trim() !== '')

const multiHop =
  (dataset: string): Format['read'] =>
  (fields) => ({
    id: fields._id ?? fields.id,
    question: fields.question,
    answers: distinct(texts(fields, 'answer') ?? []),
    dataset,
  })

/** `[{text}]` as published, `{text: []}` as tables have it. */
const squadAnswers = (answers: unknown): string[] =>
  isRecord(answers)
    ? (texts(answers, 'text') ?? [])
    : Array.isArray(answers)
      ? answers.flatMap((answer) => texts(asFields(answer), 'text') ?? [])
      : []

const squad: Format['read'] = ({ id, question, answers, is_impossible }) => {
  const golds = distinct(squadAnswers(answers))
  if (is_impossible === true || (isRecord(answers) && golds.length === 0)) return undefined
  return { id, question, answers: golds, dataset: 'squad' }
}

/** The usual spelling first. */
const triviaAnswers = (answer: unknown, value: string, aliases: string): string[] =>
  isRecord(answer) ? distinct([...(texts(answer, value) ?? []), ...(texts(answer, aliases) ?? [])]) : []

const web =
  (question: string, answers: (fields: Fields) => unknown, id = 'id'): Format['read'] =>
  (fields) => ({ id: fields[id], question: fields[question], answers: answers(fields), dataset: 'webquestions' })

const freebase = ({ url }: Fields) => typeof url === 'string' && /^https?:\/\/www\.freebase\.com\//.test(url)

const description = /\s*\(description\s+(?:"((?:[^"\\]|\\.)*)"|([^"()]+))\)/y

/** `(list (description "Jazmyn Bieber") (description Jamaica))` */
const targets = (value: unknown): string[] => {
  const wrong = new Rejected('targetValue is no list of descriptions; write it as (list (description "…") …)')
  const body = typeof value === 'string' ? /^\s*\(list((?:\s[^]*)?)\)\s*$/.exec(value)?.[1] : undefined
  if (body === undefined) throw wrong
  const found: string[] = []
  let at = 0
  while (body.slice(at).trim() !== '') {
    description.lastIndex = at
    const one = description.exec(body)
    if (!one) throw wrong
    found.push(one[1]?.replace(/\\(.)/gs, '$1') ?? (one[2] ?? '').trim())
    at = description.lastIndex
  }
  return distinct(found)
}

const formats: readonly Format[] = [
  { has: ['question', 'evidences'], read: multiHop('2wikimultihopqa') },
  { has: ['question', 'supporting_facts', 'level'], read: multiHop('hotpotqa') },
  {
    has: ['question', 'supporting_facts', '_id'],
    is: ({ type }) => type === undefined || type === 'bridge' || type === 'comparison',
    read: multiHop('hotpotqa'),
  },
  { has: ['question', 'is_impossible'], read: squad },
  {
    has: ['question', 'answers'],
    is: ({ answers }) =>
      isRecord(answers) ? 'text' in answers : Array.isArray(answers) && isRecord(answers[0]) && 'text' in answers[0],
    read: squad,
  },
  {
    has: ['QuestionId', 'Question'],
    read: ({ QuestionId, Question, Answer }) => ({
      ...{ id: QuestionId, question: Question, dataset: 'triviaqa' },
      answers: triviaAnswers(Answer, 'Value', 'Aliases'),
    }),
  },
  {
    has: ['question_id', 'question', 'answer'],
    is: ({ answer }) => isRecord(answer) && 'value' in answer,
    read: ({ question_id, question, answer }) => ({
      ...{ id: question_id, question, dataset: 'triviaqa' },
      answers: triviaAnswers(answer, 'value', 'aliases'),
    }),
  },
  { has: ['utterance', 'targetValue'], read: web('utterance', ({ targetValue }) => targets(targetValue)) },
  { has: ['url', 'question', 'answers'], is: freebase, read: web('question', ({ answers }) => answers) },
  { has: ['qId', 'qText'], read: web('qText', ({ answers }) => answers, 'qId') },
]

/** Columns that these formats are known by or read from, beside our own names. */
export const formatFields = [
  ...new Set(formats.flatMap(({ has }) => has)),
  ...['type', 'Answer', 'paragraphs', 'url'],
] as const

/** A question in our names, whoever published it; one that no format knows stays as it is. */
export const ofTheField = (fields: Fields): Fields | undefined => {
  const format = formats.find(({ has, is }) => has.every((name) => name in fields) && (is?.(fields) ?? true))
  return format ? format.read(fields) : fields
}
