/** The embedded scorer and reader keep what their ports promise, on the packaged model. */
import { afterAll } from 'vitest'
import { openLlama, type OpenLlama } from '../../../adapters/llama/index.ts'
import { readerContract } from '../../contracts/reader.ts'
import { question, scorerContract } from '../../contracts/scorer.ts'
import { readerFile } from './model.ts'
import { openOracle } from './oracle.ts'

const contextSize = 768
const modelPath = await readerFile()
const open: OpenLlama[] = []
const llama = async (sequences: number) => {
  const opened = await openLlama({ modelPath, threads: 1, sequences, contextSize })
  open.push(opened)
  return opened
}
const many = llama(4)
const alone = llama(1)
const oracle = await openOracle(modelPath, question)

afterAll(async () => {
  await oracle.close()
  for (const opened of open) await opened.close()
})

scorerContract('SmolLM2 as Q8_0 on node-llama-cpp, four sequences', async () => ({
  scorer: (await many).scorer,
  plain: (await alone).scorer,
  rows: oracle.rows,
  contextSize,
}))

readerContract('SmolLM2 as Q8_0 on node-llama-cpp', async () => ({ reader: (await many).reader, contextSize }))
