/** Texts to token ids, as the model's own tokenizer makes them. */
import { Tokenizer } from 'tokenizers'
import { Fatal, sentence } from '../../runtime/errors.ts'

export type Tokens = (texts: readonly string[]) => Promise<number[][]>

/**
 * The file may fix padding and truncation for another use: both are set anew.
 *
 * @throws Fatal when the file is no tokenizer.
 */
export const openTokenizer = (file: string, maxTokens: number): Tokens => {
  const tokenizer = loadTokenizer(file)
  tokenizer.disablePadding()
  tokenizer.setTruncation(maxTokens)
  return async (texts) => (await tokenizer.encodeBatch([...texts])).map((encoding) => encoding.getIds())
}

/** @throws Fatal when the file is no tokenizer. */
export const loadTokenizer = (file: string): Tokenizer => {
  try {
    return Tokenizer.fromFile(file)
  } catch (error) {
    throw new Fatal(`${file} cannot be loaded as a tokenizer (${sentence(error)})`, { cause: error })
  }
}
