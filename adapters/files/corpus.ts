import { Rejected } from '../../runtime/errors.ts'
import type { Passage } from '../../schemas/passage.ts'
import { derivedId, givenId, optionalText, text, type Fields } from './fields.ts'
import { readRecords, type Line, type ReadOptions, type Shape } from './read.ts'

/** Fields that a passage is read from. */
export const passageFields = ['id', '_id', 'title', 'text', 'contents'] as const

/** A passage of a corpus: `id, title, text`, or FlashRAG's `id, contents`. Without an id it gets one from its content. */
export const passageOf = (fields: Fields): Passage => {
  if ('question' in fields && !('text' in fields) && !('contents' in fields)) {
    throw new Rejected('this is a query, not a passage; name a corpus here')
  }
  const title = optionalText(fields, '', 'title')
  const content =
    typeof fields.text === 'string' ? { title, text: text(fields, 'text', 'text') } : ofContents(fields, title)
  return { id: givenId(fields) ?? derivedId(`${content.title}\n${content.text}`), ...content }
}

/** `"Title"\n text`: the title is the first line, in quotes or not. A single line is text without a title. */
const ofContents = (fields: Fields, title: string) => {
  const whole = text(fields, 'the text of the passage', 'text', 'contents')
  const [, heading = '', rest = ''] = /^([^\n]*)\n([^]*)$/.exec(whole) ?? [whole, '', whole]
  const named = unquoted(heading.trim())
  if (title !== '' && named !== title) return { title, text: whole.trim() }
  if (rest.trim() === '')
    throw new Rejected('contents has a title and no text below it; fill it in or delete the record')
  return { title: named, text: rest.trim() }
}

const unquoted = (heading: string) =>
  heading.length > 1 && heading.startsWith('"') && heading.endsWith('"')
    ? heading.slice(1, -1).replaceAll('""', '"')
    : heading

const shape: Shape<Passage> = {
  known: passageFields,
  table: { unnamed: [], cell: (_name, content) => content },
  read: passageOf,
  id: ({ id }) => id,
}

/**
 * The passages of a corpus. Two with the same id are refused. A table (DPR's `id, text, title`) names its columns in its
 * first line, in any order. See `readRecords` for formats and errors.
 */
export const readPassages = (path: string, options?: ReadOptions): AsyncGenerator<Line<Passage>> =>
  readRecords(path, shape, options)
