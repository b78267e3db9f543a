/** One vLLM server on CPUs, listening on this machine only, with the plugin that measures gains exactly. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { z } from 'zod'
import { pythonFile } from '../models/python.ts'
import type { VllmEnvironment } from './environment.ts'
import { host } from './ports.ts'
import { markingPython } from './record.ts'
import { server, type Server } from './server.ts'

export type Dtype = 'float32' | 'bfloat16'

export interface VllmOptions {
  /** Of its record and log. */
  readonly folder: string
  readonly environment: VllmEnvironment
  /** Folder of the model; its last part is the name that it is served under (or `name`). */
  readonly model: string
  readonly name?: string
  readonly port: number
  /** Of weights and activations (default: bfloat16 where the CPU computes with it, else float32). */
  readonly dtype?: Dtype | undefined
  /** Tokens of prompt and answer (default 1024). */
  readonly context?: number | undefined
  /** Default: all cores. */
  readonly threads?: number
  /** Gigabytes for keys and values of tokens (default 1). */
  readonly cache?: number
  /** Folder of the plugin gain_logits (default: ours); null: a server that knows nothing of it. */
  readonly plugin?: string | null
  /** Further environment, e.g. `GAIN_LOGITS_BYTES`, and arguments of `vllm serve`. */
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** Whoever asks must give it. */
  readonly apiKey?: string
  /** It goes on when its starter ends; else it ends with it, however that ends. */
  readonly detached?: boolean
  /** Milliseconds that it may take to be ready (default: 5 minutes), and to stop before it is killed (default: 20 s). */
  readonly patience?: number
  readonly grace?: number
  readonly remedy?: (port: string) => string
  readonly onWaiting?: ((seconds: number) => void) | undefined
}

export interface Vllm extends Server {
  readonly url: string
}

export const vllmUrl = (port: number) => `http://${host}:${port}`

/** Does the CPU multiply bfloat16 by itself? It is twice as fast then, and slower than float32 elsewhere. */
export const fastestDtype = (): Dtype => {
  if (process.platform !== 'linux') return 'float32'
  return /^(flags|Features)\s*:.*\b(avx512_bf16|amx_bf16|bf16)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))
    ? 'bfloat16'
    : 'float32'
}

/** @throws while it does not answer that it is well */
export const probeHealth = async (url: string, patience = 5_000): Promise<void> => {
  const { status } = await fetch(`${url}/health`, { signal: AbortSignal.timeout(patience) })
  if (status !== 200) throw new Error(`${url}/health answers ${status}`)
}

const Models = z.object({ data: z.array(z.object({ id: z.string() })).min(1) })
const Completion = z.object({ usage: z.object({ completion_tokens: z.literal(1) }) })

/** Health is not enough: a token was made. @throws while none is */
export const probeVllm = async (url: string, apiKey?: string): Promise<void> => {
  await probeHealth(url)
  const headers = { 'content-type': 'application/json', ...(apiKey && { authorization: `Bearer ${apiKey}` }) }
  const ask = async (path: string, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST'
    const request = { method, headers, signal: AbortSignal.timeout(60_000), ...(body !== undefined && { body }) }
    const answer = await fetch(`${url}${path}`, request)
    if (!answer.ok) throw new Error(`${url}${path} answers ${answer.status}`)
    return answer.json()
  }
  const [{ id }] = Models.parse(await ask('/v1/models')).data as [{ id: string }]
  Completion.parse(await ask('/v1/completions', JSON.stringify({ model: id, prompt: '1 2 3', max_tokens: 1 })))
}

const plugged = ['--logits-processors', 'gain_logits:Contrast', '--logprobs-mode', 'processed_logprobs']

/** What `vllm` is told. */
export const vllmArguments = (options: VllmOptions): string[] => {
  const { model, name = basename(model), port, dtype = fastestDtype(), context = 1024, plugin, args = [] } = options
  return [
    ...['serve', model, '--served-model-name', name, '--host', host, '--port', String(port)],
    ...['--dtype', dtype, '--max-model-len', String(context), '--generation-config', 'vllm', '--enforce-eager'],
    // Only whole blocks of a prompt are found again: 32 tokens are the smallest on a CPU, and 128 the default.
    // A step costs as much as 50 tokens before it does anything: many sequences share it.
    ...['--block-size', '32', '--max-num-seqs', '128', '--disable-uvicorn-access-log'],
    ...(plugin === null ? [] : plugged),
    ...args,
  ]
}

const variablesOf = ({ environment, plugin, threads, cache = 1, apiKey, env }: VllmOptions) => ({
  ...environment.env,
  VLLM_CPU_KVCACHE_SPACE: String(cache),
  OMP_NUM_THREADS: String(threads ?? availableParallelism()),
  ...(plugin !== null && { PYTHONPATH: plugin ?? pythonFile('gain-logits/src') }),
  ...(apiKey !== undefined && { VLLM_API_KEY: apiKey }),
  SPT_NOENV: '1', // its processes write their titles over the environment, where the mark is, otherwise
  ...env,
})

/** A server that is not started yet, or that was and is found again by what stands in its folder. */
export const vllmServer = (options: VllmOptions): Vllm => {
  const { folder, environment, model, port, dtype = fastestDtype(), context = 1024, apiKey, detached = false } = options
  const { patience = 300_000, grace, remedy, onWaiting } = options
  const url = vllmUrl(port)
  const made = server({
    ...{
      name: 'vllm',
      title: 'vLLM server',
      folder,
      log: 'vllm.log',
      ports: { vllm: port },
      detached,
      family: true,
      patience,
      onWaiting,
    },
    ...{ command: environment.python, marked: markingPython, env: variablesOf(options) },
    args: [pythonFile('serve/server.py'), ...vllmArguments(options)],
    settings: { model, dtype, context: String(context) },
    ...(grace !== undefined && { grace }),
    ...(remedy && { remedy }),
    prepare: () => Promise.resolve(),
    probe: () => probeVllm(url, apiKey),
  })
  return {
    ...made,
    get pid() {
      return made.pid
    },
    url,
  }
}

/** Starts it and waits until it has answered a prompt. @throws Fatal that names its log */
export const startVllm = async (options: VllmOptions): Promise<Vllm> => {
  const vllm = vllmServer(options)
  await vllm.start()
  return vllm
}
