/** The reader LLM's weights: a file of the user's, one from a hub, or the packaged small one. */
import { existsSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { resolveModelFile } from 'node-llama-cpp'
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import { packaged, unpackReader } from './packaged.ts'
import { checkPython, once, python, pythonFile, pythonPackages } from './python.ts'

export interface ReaderModelOptions {
  /** A GGUF file, or a name such as `hf:<user>/<repository>:<quantisation>`; without one the packaged model is used. */
  readonly path?: string | null | undefined
  /** Where prepared models are kept. */
  readonly home: string
  readonly onProgress?: ((what: string, done: number, total?: number) => void) | undefined
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
  const [packages, source] = await Promise.all([
    pythonPackages(pythonFile('prepare/reader-requirements.txt'), home),
    unpackReader(work),
  ])
  step(2)
  const args = [pythonFile('prepare/requantise.py'), source, join(folder, 'model.gguf'), '--type', 'q8_0']
  await python({ args, packages })
  await rm(work, { recursive: true })
  step(3)
}
