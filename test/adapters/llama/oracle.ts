/**
 * Full rows by node-llama-cpp's public way, one prompt at a time and nothing reused: ln of the probability of every
 * token. Written apart from the adapter: its own context, its own rendering of the prompt, its own tokens.
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import type { Row } from '../../../method/contrast.ts'
import { answering, render } from '../../../method/prompt.ts'
import type { Passage } from '../../../schemas/passage.ts'

/** SmolLM2's chat template, by hand. */
const chat = ({ system, user }: { system: string; user: string }) =>
  `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\n${user}<|im_end|>\n<|im_start|>assistant\n`

export const openOracle = async (modelPath: string, question: string) => {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
  const model = await llama.loadModel({ modelPath })
  const exact = {
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  } as const
  const context = await model.createContext({ contextSize: 768, sequences: 1, threads: 1, ...exact })
  const sequence = context.getSequence()
  const rows = async (passages: readonly Passage[], answer: string): Promise<{ rows: Row[]; tokens: number[] }> => {
    const prompt = model.tokenize(chat(render(answering, question, passages)), true)
    const tokens = model.tokenize(answer)
    await sequence.clearHistory()
    const all = [...prompt, ...tokens.slice(0, -1)]
    const wanted = { generateNext: { probabilities: true } } as const
    const output = await sequence.controlledEvaluate(
      all.map((token, i) => (i >= prompt.length - 1 ? ([token, wanted] as const) : token)), // prettier-ignore
    )
    const maps = output.flatMap((item) => (item?.next.probabilities ? [item.next.probabilities] : []))
    const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length
    const row = (map: Map<number, number>) =>
      Float64Array.from({ length: vocabulary }, (_, token) => Math.log(map.get(token) ?? 0))
    return { rows: maps.map((map) => row(map as unknown as Map<number, number>)), tokens }
  }
  return {
    rows,
    close: async () => {
      await context.dispose()
      await model.dispose()
      await llama.dispose()
    },
  }
}
