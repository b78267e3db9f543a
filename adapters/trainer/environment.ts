/**
 * Python with torch and Transformers for the trainer. Where vLLM is installed, its Python has both; else they come into
 * a folder of their own, once: without CUDA where there is no such device.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import { once, pythonFile } from '../models/python.ts'
import {
  addTorch,
  environmentFolder,
  environmentOf,
  makeVenv,
  pythonOf,
  uvOf,
  type EnvironmentOptions,
  type Pip,
  type VllmEnvironment,
} from '../stack/environment.ts'
import { locked } from '../stack/lock.ts'
import { program } from '../stack/program.ts'

const requirements = pythonFile('selector-trainer/requirements.txt')
const recipe = [requirements, ...['torch.txt', 'stand_ins.py', 'uv.txt'].map((name) => pythonFile(`serve/${name}`))]

/** Does the machine have a graphics card that torch can use? */
const hasCuda = (env: NodeJS.ProcessEnv): Promise<boolean> =>
  program({ command: 'nvidia-smi', args: ['--list-gpus'], env }).then(
    (said) => said.includes('GPU'),
    () => false, // it is not installed
  )

/** Another one where a byte of the requirements differs, or where there is a device. */
export const trainerFolder = (home: string, cuda: boolean): string => {
  const hash = createHash('sha256')
  for (const file of recipe) hash.update(readFileSync(file)).update('\0')
  return join(home, 'python', `trainer-${cuda ? 'cuda' : 'cpu'}-${hash.digest('hex').slice(0, 12)}`)
}

const checkLoads = async (folder: string, options: EnvironmentOptions) => {
  const { python, env } = environmentOf(folder, options)
  const args = ['-c', 'import torch, transformers, safetensors']
  await program({ command: python, args, env: { ...process.env, ...env } }).catch((error: Error) => {
    throw new Fatal(`torch was installed and cannot be loaded on this machine: ${error.message}`, { cause: error })
  })
}

const install = async (folder: string, cuda: boolean, options: EnvironmentOptions) => {
  const { env = process.env, onProgress } = options
  const size = cuda ? '6 GB' : '1.2 GB'
  const step = (done: number) => onProgress?.(`installing torch for the trainer (${size}, once), step`, done, 4)
  step(0)
  const uv = await uvOf(options)
  await makeVenv(uv, folder, 'the trainer')
  const common = ['pip', 'install', '--python', pythonOf(folder), '--only-binary', ':all:']
  const alone: Pip = (args) => uv([...common, '--no-deps', ...args])
  step(1)
  try {
    if (cuda) await uv([...common, '--requirement', pythonFile('serve/torch.txt')])
    else await addTorch(alone, folder, env)
    step(2)
    await alone(['--requirement', requirements])
  } catch (error) {
    if (error instanceof Fatal) throw error
    throw new Unavailable(`torch cannot be installed (${sentence(error)}); is there a network?`, { cause: error })
  }
  step(3)
  await checkLoads(folder, options)
  step(4)
}

/**
 * Installs it where it is missing.
 * @throws Fatal where the machine cannot have it, Unavailable where it cannot be fetched
 */
export const trainerEnvironment = async (options: EnvironmentOptions): Promise<VllmEnvironment> => {
  const cuda = await hasCuda(options.env ?? process.env)
  const shared = environmentFolder(options.home)
  if (!cuda && existsSync(shared)) return environmentOf(shared, options)
  const folder = trainerFolder(options.home, cuda)
  if (!existsSync(folder)) {
    await mkdir(join(options.home, 'python'), { recursive: true })
    const busy = 'another command is installing torch: wait for it'
    await locked(folder, () => once(folder, (aside) => install(aside, cuda, options)), 1_800_000, busy)
  }
  return environmentOf(folder, options)
}
