/** The vLLM server that is measured: one of our own that ends with the benchmark, or the one that somebody names. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, startVllm, vllmEnvironment, vllmModel, type Dtype } from '../../adapters/stack/index.ts'
import { connect, type Raw } from '../../cli/bench/raw.ts'
import { home } from './home.ts'
import { familyCpu } from './processes.ts'

export interface BenchServer {
  readonly url: string
  readonly raw: Raw
  /** Folder of the weights that it serves. */
  readonly model: string
  /** Empties its prefix cache, so that a side finds only what it has put there itself. */
  forget(): Promise<void>
  /** Seconds of processor time that it has used; undefined where its process is not known. */
  cpu(): number | undefined
  stop(): Promise<void>
}

export interface Serving {
  readonly url: string | undefined
  /** Of a server that is named: its first process, where what it uses is to be counted. */
  readonly pid?: number | undefined
  readonly dtype: Dtype
  readonly threads: number
}

const never = new AbortController().signal
const devMode = 'VLLM_SERVER_DEV_MODE'

const around = async (url: string, model: string, pid: () => number | undefined, stop: () => Promise<void>) => {
  const raw = await connect({ url }, never)
  const forget = async () => {
    for (let tries = 0; tries < 20; tries++) {
      if (await raw.forget(never)) return
      await new Promise((resolve) => setTimeout(resolve, 100)) // while a request that has ended still holds blocks
    }
    throw new Error(`${url} does not empty its prefix cache: start it with ${devMode}=1`)
  }
  const cpu = () => {
    const main = pid()
    return main === undefined ? undefined : familyCpu(main)
  }
  return { url, raw, model, forget, cpu, stop }
}

/** @throws where vLLM cannot be installed or started here. */
export const benchServer = async ({ url, pid, dtype, threads }: Serving): Promise<BenchServer> => {
  const model = await vllmModel({ home })
  if (url !== undefined) return around(url, model, () => pid, async () => {}) // prettier-ignore
  const [environment, [port]] = await Promise.all([vllmEnvironment({ home }), freePorts(1)])
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-bench-'))
  const vllm = await startVllm({ folder, environment, model, port: port!, dtype, threads, env: { [devMode]: '1' } })
  const stop = async () => {
    await vllm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return around(vllm.url, model, () => vllm.pid, stop)
}
