/** A real server: vLLM with a pooling model on CPUs, in float32, beside our own encoder on the same weights. */
import { spawn, type ChildProcess } from 'node:child_process'
import { afterAll, describe, expect, test } from 'vitest'
import { openServedEmbedder } from '../../../adapters/embeddings/index.ts'
import { encoderModel, originalEncoder } from '../../../adapters/models/encoder.ts'
import { pythonFile } from '../../../adapters/models/python.ts'
import { openEmbedder } from '../../../adapters/onnx/index.ts'
import { freePorts, vllmEnvironment } from '../../../adapters/stack/index.ts'
import { embedderContract } from '../../contracts/embedder.ts'
import { home } from '../onnx/model.ts'

const { signal } = new AbortController()

/** It ends with its standard input, whatever becomes of this process. */
const pooling = async (port: number): Promise<ChildProcess> => {
  const { python, env } = await vllmEnvironment({ home })
  const flags = ['--runner', 'pooling', '--dtype', 'float32', '--enforce-eager', '--served-model-name', 'minilm']
  const where = ['--host', '127.0.0.1', '--port', String(port)]
  return spawn(python, [pythonFile('serve/server.py'), 'serve', await originalEncoder(home), ...flags, ...where], {
    env: { ...process.env, ...env, GAINSTREAM_TIED: '1', VLLM_CPU_KVCACHE_SPACE: '1' },
    ...{ detached: true, stdio: ['pipe', 'ignore', 'ignore'] },
  })
}

const [port] = (await freePorts(1)) as [number]
const server = await pooling(port)
afterAll(() => void server.stdin?.end())
const open = (normalised?: boolean) =>
  openServedEmbedder({ urls: [`http://127.0.0.1:${port}`], usage: { normalised }, patience: 240_000 })

// It is waited for in the first of these tests.
embedderContract('a vLLM server with a pooling model', open)

describe('vectors of the server', () => {
  test.each([true, false])('are those of our own encoder on the same weights (normalised: %s)', async (normalised) => {
    const own = await openEmbedder({ folder: await encoderModel({ home, precision: 'fp32' }), usage: { normalised } })
    const served = await open(normalised)
    expect(served.identity).toMatchObject({ model: 'minilm', dimension: 384, normalised, pooling: 'served' })
    const texts = ['water', 'The lighthouse keeper wrote down wind and tide.', 'basalt and marble '.repeat(400)]
    const [theirs, ours] = await Promise.all([served, own].map((each) => each.embed(texts, 'passage', signal)))
    const length = normalised ? 1 : Math.hypot(...ours![0]!)
    theirs!.forEach((vector, i) => vector.forEach((value, d) => expect(Math.abs(value - ours![i]![d]!) / length).toBeLessThan(1e-4))) // prettier-ignore
    await Promise.all([served.close(), own.close()])
  })
})
