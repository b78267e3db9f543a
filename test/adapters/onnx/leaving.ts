/** Ends in the middle of a run of the model: node leaving.ts FOLDER exit|throw */
import { openEmbedder } from '../../../adapters/onnx/index.ts'

const [folder = '', way] = process.argv.slice(2)
const embedder = await openEmbedder({ folder, threads: 1 })
const texts = Array.from(
  { length: 320 },
  (_, i) => `${i} ${'The lighthouse keeper wrote down wind and tide. '.repeat(12)}`,
)
embedder.embed(texts, 'passage', new AbortController().signal).catch(() => {})
setTimeout(() => {
  if (way === 'throw') throw new Error('a bug')
  process.exit(7)
}, 300)
