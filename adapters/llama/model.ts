/** Opening a GGUF file, with sentences for what can be wrong with it. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { getLlama, GgufFileType, LlamaLogLevel, type Llama, type LlamaModel } from 'node-llama-cpp'
import { Fatal, sentence } from '../../runtime/errors.ts'
import type { Identity } from '../../schemas/identity.ts'
import { server } from './addon.ts'

/** Where evaluation runs: `false` is the CPU, `auto` the best that the machine has. */
export type Gpu = false | 'auto' | 'metal' | 'cuda' | 'vulkan'

export const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

const advice = 'set reader.model to a GGUF file'

/** @throws Fatal when there is no such file or it is no GGUF file. */
export const checkModelFile = async (path: string): Promise<void> => {
  const found = await stat(path).catch((error: unknown) => {
    throw new Fatal(`the reader model ${path} cannot be read (${sentence(error)}): ${advice}`, { cause: error })
  })
  if (!found.isFile()) throw new Fatal(`the reader model ${path} is not a file: ${advice}`)
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    if (buffer.toString('latin1') !== 'GGUF') throw new Fatal(`the reader model ${path} is not a GGUF file: ${advice}`)
  } finally {
    await file.close()
  }
}

export interface OpenModel {
  readonly llama: Llama
  readonly model: LlamaModel
  close(): Promise<void>
}

export const openModel = async (path: string, threads: number, gpu: Gpu): Promise<OpenModel> => {
  await checkModelFile(path)
  const llama = await getLlama({ gpu, build: 'never', maxThreads: threads, logLevel: LlamaLogLevel.error }).catch(
    (error: unknown) => {
      throw new Fatal(`node-llama-cpp has no binary for this machine with gpu ${gpu} (${sentence(error)}): set reader.gpu to false or run npm install again`, { cause: error }) // prettier-ignore
    },
  )
  try {
    const model = await llama.loadModel({ modelPath: path })
    const close = async () => {
      await model.dispose()
      await llama.dispose()
    }
    return { llama, model, close }
  } catch (error) {
    await llama.dispose()
    throw new Fatal(`the reader model ${path} cannot be loaded (${sentence(error)}): ${advice}`, { cause: error })
  }
}

/** Which model this is, in records. The caller adds the hash of the prompt. */
export const identityOf = (model: LlamaModel, path: string, revision: string): Identity => {
  const { name, file_type: fileType } = model.fileInfo.metadata.general
  const dtype = fileType === undefined ? undefined : GgufFileType[fileType]
  return {
    model: name ?? basename(path, '.gguf'),
    revision,
    dtype: (dtype ?? '').replace(/^(MOSTLY|ALL)_/, '').toLowerCase(),
    server: server(),
    runner: '',
    plugin: '',
    prompt: null,
  }
}
