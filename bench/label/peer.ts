/** The peers' Python: the environment that vLLM runs in has torch and Transformers. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { vllmEnvironment, type Dtype } from '../../adapters/stack/index.ts'
import { home } from './home.ts'

const run = promisify(execFile)

/** See peers.py. */
export const ways = ['batch1', 'batched', 'reuse'] as const
export type Way = (typeof ways)[number]

export interface PeerRun {
  /** A folder of safetensors or a GGUF file. */
  readonly model: string
  /** File of token ids. */
  readonly requests: string
  readonly way: Way
  readonly dtype: Dtype
  readonly threads: number
}

export interface PeerResult {
  readonly passages: number
  readonly seconds: number
  /** Seconds of processor time. */
  readonly cpu: number
  /** Contrastive, per passage and gold. */
  readonly mean_nll: readonly (readonly number[])[]
}

export type Peer = (run: PeerRun) => Promise<PeerResult>

/** @throws with a sentence when the environment cannot be had here. */
export const openPeer = async (): Promise<Peer> => {
  const environment = await vllmEnvironment({ home })
  return async ({ model, requests, way, dtype, threads }) => {
    const script = new URL('peers.py', import.meta.url).pathname
    const args = [script, model, requests, '--way', way, '--dtype', dtype, '--threads', String(threads)]
    const env = { ...process.env, ...environment.env, OMP_NUM_THREADS: String(threads), PYTHONWARNINGS: 'ignore' }
    const { stdout } = await run(environment.python, args, { env, maxBuffer: 1 << 26 })
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as PeerResult
  }
}
