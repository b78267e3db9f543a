import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'
import type { Query } from '../../schemas/query.ts'
import { passageFields, passageOf } from './corpus.ts'
import {
  asFields,
  derivedId,
  givenId,
  optionalText,
  requiredTexts,
  text,
  texts,
  unknownFields,
  type Fields,
} from './fields.ts'
import { formatFields, ofTheField } from './formats.ts'
import { pythonTexts } from './python-list.ts'
import { readRecords, type Line, type ReadOptions, type Shape } from './read.ts'

const question = ['question', 'query'] as const
const answers = ['answers', 'golden_answers', 'answer'] as const
const known = ['id', '_id', ...question, ...answers, 'dataset', 'lang', 'gold_passage_ids'] as const

/** The names that a query is read from. */
export const queryFields = known

/** A query without golds has no answers. Without an id it gets one from its question, dataset and answers together. */
export const queryOf = (fields: Fields): Query => {
  if (('text' in fields || 'contents' in fields) && !question.some((name) => name in fields)) {
    throw new Rejected('this is a passage, not a query; name a file of queries here')
  }
  const content = {
    question: text(fields, 'the question', ...question),
    answers: texts(fields, ...answers) ?? [],
    dataset: optionalText(fields, '', 'dataset'),
  }
  return {
    id: givenId(fields) ?? derivedId(JSON.stringify([content.question, content.dataset, content.answers])),
    ...content,
    lang: optionalText(fields, 'en', 'lang'),
    gold_passage_ids: texts(fields, 'gold_passage_ids') ?? [],
  }
}

const isAnswers = (name: string) => answers.some((each) => each === name)

/** In a table, answers are a Python list or one text. */
const cell = (name: string, content: string): unknown =>
  isAnswers(name) && content.trimStart().startsWith('[') ? pythonTexts(content) : content

/**
 * Queries: `id, question|query, answers|golden_answers|answer` (a text or a list), and where known `dataset, lang,
 * gold_passage_ids`; DPR's tables `question, ['answer', …]`; and the formats of adapters/files/formats.ts, of which
 * SQuAD 2.0's questions without an answer are left out. Two with the same id are refused. See `readRecords` for formats
 * and errors.
 */
export const readQueries = (path: string, options?: ReadOptions): AsyncGenerator<Line<Query>> =>
  readRecords(path, shape, options)

const shape: Shape<Query> = {
  known,
  translation: {
    names: formatFields,
    leftOut: 'questions that are marked as having no answer were',
    translate: ofTheField,
  },
  table: { unnamed: ['question', 'answers'], cell },
  read: queryOf,
  id: ({ id }) => id,
}

/** What `gain` is asked for: how much each of these passages helps to say an answer. */
export interface GainRequest {
  readonly query: Query
  readonly passages: readonly Passage[]
}

const gainRequestOf = (checkPassage: (fields: Fields) => void): Shape<GainRequest>['read'] => {
  const passage = (value: unknown, i: number) => {
    try {
      const fields = asFields(value)
      checkPassage(fields)
      return passageOf(fields)
    } catch (error) {
      throw error instanceof Rejected ? new Rejected(`passages[${i}]: ${error.message}`, { cause: error }) : error
    }
  }
  return (fields) => {
    const query = queryOf(fields)
    const golds = requiredTexts(fields, 'a gold answer', ...answers)
    if (golds.length === 0) throw new Rejected('answers is empty; a gain is measured against at least one gold answer')
    if (!Array.isArray(fields.passages) || fields.passages.length === 0) {
      throw new Rejected('passages must be a list of at least one {"title": …, "text": …}')
    }
    return { query, passages: fields.passages.map(passage) }
  }
}

/** Lines `{id, query, answers[], passages: [{id?, title?, text}]}`, in the order of the file; ids may repeat. */
export const readGainRequests = (path: string, options?: ReadOptions): AsyncGenerator<Line<GainRequest>> => {
  const checkPassage = unknownFields(passageFields, (name) =>
    options?.onIgnored?.(`${path}: the field ${name} of passages is not read`),
  )
  return readRecords(path, { known: [...known, 'passages'], read: gainRequestOf(checkPassage) }, options)
}

/** What `grade` is asked for. */
export interface Graded {
  readonly id: string
  readonly dataset: string
  readonly lang: string
  readonly prediction: string
  readonly answers: readonly string[]
}

const gradedOf = (fields: Fields): Graded => ({
  id: givenId(fields) ?? '',
  dataset: optionalText(fields, '', 'dataset'),
  lang: optionalText(fields, 'en', 'lang'),
  prediction: prediction(fields),
  answers: requiredTexts(fields, 'the list of gold answers', ...answers),
})

/** An empty prediction is a wrong answer, a missing one a broken file. */
const prediction = (fields: Fields): string => {
  if (typeof fields.prediction === 'string') return fields.prediction.toWellFormed()
  throw new Rejected('prediction is missing or no text; give what the reader said, "" where it said nothing')
}

/** Lines `{id?, dataset?, prediction, answers[]}`; an id that is missing is empty, and ids may repeat. */
export const readPredictions = (path: string, options?: ReadOptions): AsyncGenerator<Line<Graded>> =>
  readRecords(path, { known: [...known, 'prediction'], read: gradedOf }, options)
