/** The prompts of the adapter, for oracles that ask the server themselves. */
import { talking, templateOf } from '../../../adapters/vllm/chat.ts'
import type { Server } from '../../../adapters/vllm/server.ts'
import { localTexts } from '../../../adapters/vllm/texts.ts'
import { openPrompts, type Prompts } from '../../../adapters/reader/prompts.ts'

const never = new AbortController().signal

export const promptsOf = async (server: Server, tokenizer: string, contextSize: number): Promise<Prompts> => {
  const pieces = await templateOf(server, never, Date.now())
  const [begin] = await server.tokenize('', true, never)
  const { chat, tokenizer: texts } = talking(localTexts(tokenizer), pieces, begin)
  return openPrompts(chat, texts, contextSize)
}
