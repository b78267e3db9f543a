/** Pairs to token ids: the query is kept, and the passage is cut at its end. */
import type { Tokenizer } from 'tokenizers'
import type { Row } from '../../onnx/feeds.ts'
import { loadTokenizer } from '../../onnx/tokens.ts'
import { Fatal } from '../../../runtime/errors.ts'
import type { Pair } from './texts.ts'

export interface PairTokens extends Required<Row> {
  /** The query was too long to be kept whole. */
  readonly queryCut: boolean
}

export type Pairs = (pairs: readonly Pair[]) => Promise<PairTokens[]>

/** Of a passage, whatever the length of the query; a quarter of the room where that is less. */
const leastOfPassage = 16

interface Special {
  readonly ids: readonly number[]
  readonly types: readonly number[]
}
/** What stands around the two texts, and of which kind their own tokens are. */
interface Frame {
  readonly before: Special
  readonly between: Special
  readonly after: Special
  readonly types: readonly [query: number, passage: number]
}

/** A pair of words shows how the tokenizer writes any pair. */
const frameOf = async (tokenizer: Tokenizer, file: string): Promise<Frame> => {
  const encoding = await tokenizer.encode('a', 'b')
  const [ids, types, texts] = [encoding.getIds(), encoding.getTypeIds(), encoding.getSequenceIds()]
  const [query, passage] = [texts.indexOf(0), texts.indexOf(1)]
  const ends = [texts.lastIndexOf(0) + 1, texts.lastIndexOf(1) + 1] as const
  if (query < 0 || passage < ends[0]) throw new Fatal(`${file} does not write a pair as a query and then a passage`)
  const part = (from: number, to: number) => ({ ids: ids.slice(from, to), types: types.slice(from, to) })
  return {
    ...{ before: part(0, query), between: part(ends[0], passage), after: part(ends[1], ids.length) },
    types: [types[query]!, types[passage]!],
  }
}

/**
 * @param maxTokens of query, passage and special tokens together. A query that would leave a passage fewer than
 *   sixteen is cut, too, so that passages still differ.
 * @throws Fatal when the file is no tokenizer of pairs, or leaves no room for a text
 */
export const openPairs = async (file: string, maxTokens: number): Promise<Pairs> => {
  const tokenizer = loadTokenizer(file)
  tokenizer.disablePadding()
  tokenizer.disableTruncation()
  const frame = await frameOf(tokenizer, file)
  const special = frame.before.ids.length + frame.between.ids.length + frame.after.ids.length
  const room = maxTokens - special
  if (room < 2) throw new Fatal(`max_tokens is ${maxTokens}, and ${special} of them are special: no text has room`)
  const forQuery = room - Math.min(leastOfPassage, room >> 2)
  return async (pairs) => {
    const texts = [...new Set(pairs.flat())] // a question comes with many passages
    const found = await tokenizer.encodeBatch(texts, { addSpecialTokens: false })
    const known = new Map(texts.map((text, i) => [text, found[i]!.getIds()]))
    return pairs.map(([query, passage]) => framed(frame, known.get(query)!, known.get(passage)!, forQuery, room))
  }
}

const framed = (
  { before, between, after, types }: Frame,
  query: readonly number[],
  passage: readonly number[],
  forQuery: number,
  room: number,
): PairTokens => {
  const queryCut = query.length > forQuery
  const first = queryCut ? query.slice(0, forQuery) : query
  const second = passage.slice(0, room - first.length)
  const kinds = (length: number, kind: number) => Array.from({ length }, () => kind)
  return {
    ids: [...before.ids, ...first, ...between.ids, ...second, ...after.ids],
    types: [
      ...[...before.types, ...kinds(first.length, types[0])],
      ...[...between.types, ...kinds(second.length, types[1]), ...after.types],
    ],
    queryCut,
  }
}
