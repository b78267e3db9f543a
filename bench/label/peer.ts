/** The peer's Python: Transformers and torch in a folder of their own. Any step that fails says why there is no peer. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { home } from './home.ts'

const run = promisify(execFile)
const here = (file: string) => new URL(file, import.meta.url).pathname

export interface PeerResult {
  readonly passages: number
  readonly seconds: number
  /** Contrastive, per passage and gold. */
  readonly mean_nll: readonly (readonly number[])[]
}

export interface Peer {
  run(gguf: string, requests: string, threads: number): Promise<PeerResult>
}

/** torch without its CUDA packages, and accelerate, which would bring them; what else they import is the second list. */
const torch = ['--no-deps', 'torch==2.13.0', 'accelerate']
const others = ['transformers', 'gguf', 'filelock', 'typing_extensions', 'sympy', 'networkx', 'jinja2', 'fsspec', 'setuptools', 'psutil', 'numpy'] // prettier-ignore

const install = async (folder: string, say: (line: string) => void): Promise<void> => {
  const aside = `${folder}.${process.pid}`
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--target', aside] // prettier-ignore
  try {
    say('installing torch and transformers for the peer (1.5 GB, once) …')
    await run('python3', [...pip, ...torch])
    await run('python3', [...pip, ...others])
    await run('python3', [here('stubs.py'), join(aside, 'torch', 'lib'), join(aside, 'stubs')])
    await rename(aside, folder)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** @throws Error with pip's, gcc's or Python's own words when the peer cannot be had here. */
export const openPeer = async (say: (line: string) => void): Promise<Peer> => {
  const folder = join(home, 'bench-python')
  if (!existsSync(join(folder, 'stubs'))) await install(folder, say)
  const env = { ...process.env, PYTHONPATH: folder, LD_LIBRARY_PATH: join(folder, 'stubs'), HF_HUB_OFFLINE: '1', PYTHONWARNINGS: 'ignore' } // prettier-ignore
  await run('python3', ['-c', 'import torch, transformers'], { env })
  return {
    run: async (gguf, requests, threads) => {
      const { stdout } = await run('python3', [here('batch1.py'), gguf, requests, String(threads)], {
        env: { ...env, OMP_NUM_THREADS: String(threads) },
        maxBuffer: 1 << 26,
      })
      return JSON.parse(stdout.trim().split('\n').at(-1)!) as PeerResult
    },
  }
}
