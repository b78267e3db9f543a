import { afterAll } from 'vitest'
import { openServedEmbedder } from '../../../adapters/embeddings/index.ts'
import { openEmbedder } from '../../../adapters/onnx/index.ts'
import { embedderContract } from '../../contracts/embedder.ts'
import { encoderFolder } from '../onnx/model.ts'
import { serving } from './serving.ts'

const embedder = await openEmbedder({ folder: await encoderFolder(), workers: 1, threads: 2 })
const server = await serving({ embedder })
afterAll(async () => {
  await server.stop()
  await embedder.close()
})

embedderContract('a simulated server of /v1/embeddings with the ONNX encoder behind it', () =>
  openServedEmbedder({ urls: [server.url] }),
)
