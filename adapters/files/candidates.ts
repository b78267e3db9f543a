/**
 * Lists of passages that a search engine of somebody's own found for a question:
 *
 *     DPR, Rankify   {question, answers, ctxs|contexts: [{id, title, text, score, has_answer}]}
 *     FlashRAG       {id, question, golden_answers, output: {retrieval_result: [{id, contents, score?}]}},
 *                    or with retrieval_result beside the question
 *     GainRAG        {question, golden_answers|answers, ctxs|passages: [{title, text, score, …}]}
 *     ours           {id, question, answers, passages: [{id, title, text, score}]}
 */
import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'
import type { Query } from '../../schemas/query.ts'
import { passageOf } from './corpus.ts'
import { asFields, type Fields } from './fields.ts'
import { ofTheField } from './formats.ts'
import { queryFields, queryOf } from './queries.ts'
import { readRecords, type Line, type ReadOptions, type Shape } from './read.ts'

/** A passage of a list, with what its finder made of it; the scale of scores is the finder's own. */
export interface GivenPassage extends Passage {
  readonly score: number | null
}

export interface GivenCandidates {
  readonly query: Query
  /** In the order of the list, repeats and all. */
  readonly passages: readonly GivenPassage[]
}

const lists = ['passages', 'ctxs', 'contexts', 'retrieval_result'] as const

/** Where a record keeps its passages, by the names that one takes to get there. */
const listOf = (fields: Fields): { name: string; value: unknown } => {
  const output = fields.output
  const within = typeof output === 'object' && output !== null ? (output as Fields).retrieval_result : undefined
  if (within !== undefined) return { name: 'output.retrieval_result', value: within }
  const name = lists.find((each) => fields[each] !== undefined && fields[each] !== null)
  if (name !== undefined) return { name, value: fields[name] }
  throw new Rejected(
    `there is no list of passages; give one as ${lists.join(' or ')} (this record has ${Object.keys(fields).join(', ') || 'no fields'})`,
  )
}

const scoreOf = ({ score }: Fields): number | null => {
  if (score === undefined || score === null) return null
  const number = typeof score === 'string' && score.trim() !== '' ? Number(score) : score
  if (typeof number === 'number' && Number.isFinite(number)) return number
  throw new Rejected('score is no number; give one, or null where there is none')
}

const given =
  (name: string) =>
  (value: unknown, i: number): GivenPassage => {
    try {
      const fields = asFields(value)
      return { ...passageOf(fields), score: scoreOf(fields) }
    } catch (error) {
      throw error instanceof Rejected ? new Rejected(`${name}[${i}]: ${error.message}`, { cause: error }) : error
    }
  }

const candidatesOf = (fields: Fields): GivenCandidates => {
  const { name, value } = listOf(fields)
  if (!Array.isArray(value) || value.length === 0)
    throw new Rejected(`${name} must be a list of at least one {"title": …, "text": …}`)
  return { query: queryOf(ofTheField(fields) ?? fields), passages: value.map(given(name)) }
}

const shape: Shape<GivenCandidates> = {
  known: [...queryFields, ...lists, 'output', 'context'],
  read: candidatesOf,
  id: ({ query }) => query.id,
  repeated: 'is the question of % again; give each list an id of its own',
}

/**
 * Queries with their passages, in the order of the file. Golds may be missing; an id that is missing follows from the
 * content. See `readRecords` for formats and errors: a record without any list of passages is refused.
 */
export const readCandidates = (path: string, options?: ReadOptions): AsyncGenerator<Line<GivenCandidates>> =>
  readRecords(path, shape, options)
