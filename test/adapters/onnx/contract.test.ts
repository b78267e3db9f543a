import { openEmbedder } from '../../../adapters/onnx/index.ts'
import { embedderContract } from '../../contracts/embedder.ts'
import { encoderFolder } from './model.ts'

const folder = await encoderFolder()

embedderContract('all-MiniLM-L6-v2 in 8 bits on onnxruntime', () => openEmbedder({ folder, threads: 2 }))
