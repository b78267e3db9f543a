/**
 * Before the tests that need vLLM: starts one server, or takes the one that the environment names, and says which. Where
 * there is none and none can be had, the runner of these tests learns why.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, startVllm, vllmEnvironment, vllmModel } from '../adapters/stack/index.ts'
import { home as homeOf } from '../cli/config.ts'
import { Fatal, Unavailable } from '../runtime/errors.ts'

const { env } = process
const home = homeOf(env)

/** What a server needs that is not there and cannot be fetched is another thing than a server that does not start. */
const needed = async () => {
  try {
    return { environment: await vllmEnvironment({ home }), model: await vllmModel({ home }) }
  } catch (error) {
    if (error instanceof Fatal || error instanceof Unavailable) return { reason: error.message }
    throw error
  }
}

/** One in float32 that gives whole rows of log-probabilities, because exactness is measured against it. */
const started = async (found: Exclude<Awaited<ReturnType<typeof needed>>, { reason: string }>) => {
  const folder = await mkdtemp(join(tmpdir(), 'gainstream-vllm-'))
  const [port] = (await freePorts(1)) as [number]
  const vllm = await startVllm({ ...found, folder, port, dtype: 'float32', args: ['--max-logprobs', '-1'] })
  const stop = async () => {
    await vllm.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return { url: vllm.url, stop }
}

export default async (): Promise<(() => Promise<void>) | undefined> => {
  if (env.GAINSTREAM_TEST_VLLM) {
    console.log(`The vLLM server of the tests: ${env.GAINSTREAM_TEST_VLLM}, as the environment says.`)
    env.GAINSTREAM_TEST_VLLM_MODEL ??= await vllmModel({ home })
    return undefined
  }
  const found = await needed()
  if ('reason' in found) {
    console.log(`${env.CI ? 'FAILED' : 'SKIPPED'}: all tests that need vLLM, because there is none: ${found.reason}`)
    env.GAINSTREAM_TEST_WITHOUT_VLLM = found.reason
    return undefined
  }
  console.log('Starting a vLLM server for the tests (a minute or two) …')
  const { url, stop } = await started(found)
  console.log(`The vLLM server of the tests: ${url}, with ${found.model} in float32.`)
  env.GAINSTREAM_TEST_VLLM = url
  env.GAINSTREAM_TEST_VLLM_MODEL = found.model
  return stop
}
