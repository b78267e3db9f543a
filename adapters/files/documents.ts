/**
 * JSON documents that hold their records in an array of theirs:
 *
 *     SQuAD     {"version": "1.1", "data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers"}]}]}]}
 *     TriviaQA  {"Data": [{"QuestionId", "Question", "Answer": {"Value", "Aliases"}}], "Domain": …}
 */
import { Rejected } from '../../runtime/errors.ts'
import { asFields, type Fields } from './fields.ts'

const scalar = '(?:"(?:[^"\\\\]|\\\\.)*"|[\\w.+-]+)'
const opening = new RegExp(
  `^\\s*\\{\\s*(?:"(?!id"|_id"|question"|query")\\w+"\\s*:\\s*${scalar}\\s*,\\s*)*"[dD]ata"\\s*:\\s*(?=\\[)`,
)
const firstField = /^\[\s*(?:\]|\{\s*"(?:title|paragraphs|Answer|EntityPages|Question\w*|SearchResults)")/

/** Where such an array begins, and on which line, in a file that starts like this. */
export const documentArray = (start: string): { at: number; line: number } | undefined => {
  const at = opening.exec(start)?.[0].length
  if (at === undefined || !firstField.test(start.slice(at))) return undefined
  return { at, line: start.slice(0, at).split('\n').length }
}

/** The records within an item of such an array, each with its name in there (empty: the item is the record). */
export const spread = (item: Fields): { fields: Fields; name: string }[] => {
  if (!('paragraphs' in item)) return [{ fields: item, name: '' }]
  const questions = list(item, 'paragraphs').flatMap((paragraph) => list(asFields(paragraph), 'qas'))
  return questions.map((question, i) => ({ fields: asFields(question), name: `question ${i + 1}` }))
}

const list = (fields: Fields, name: string): unknown[] => {
  const value = fields[name]
  if (Array.isArray(value)) return value
  throw new Rejected(`${name} is missing or no list; in SQuAD's format an article has paragraphs, a paragraph has qas`)
}
