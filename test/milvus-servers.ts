/**
 * Before the tests that need Milvus: starts a server of Milvus Lite, or takes the one that the environment names, and says
 * which. Where there is none and none can be had, the runner of these tests learns why.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, milvusPackages, startMilvus } from '../adapters/stack/index.ts'
import { home as homeOf } from '../cli/config.ts'
import { Fatal, Unavailable } from '../runtime/errors.ts'

const { env } = process

/** What a server needs that is not there and cannot be fetched is another thing than a server that does not start. */
const needed = async () => {
  try {
    return { packages: await milvusPackages(homeOf(env)) }
  } catch (error) {
    if (error instanceof Fatal || error instanceof Unavailable) return { reason: error.message }
    throw error
  }
}

export default async (): Promise<(() => Promise<void>) | undefined> => {
  if (env.GAINSTREAM_TEST_MILVUS) {
    console.log(`The Milvus of the tests: ${env.GAINSTREAM_TEST_MILVUS}, as the environment says.`)
    return undefined
  }
  const found = await needed()
  if ('reason' in found) {
    console.log(`${env.CI ? 'FAILED' : 'SKIPPED'}: all tests that need Milvus, because there is none: ${found.reason}`)
    env.GAINSTREAM_TEST_WITHOUT_MILVUS = found.reason
    return undefined
  }
  const folder = await mkdtemp(join(tmpdir(), 'gainstream-milvus-'))
  const [port] = (await freePorts(1)) as [number]
  const milvus = await startMilvus({ folder, packages: found.packages, port })
  console.log(`The Milvus of the tests: Milvus Lite at ${milvus.address}.`)
  env.GAINSTREAM_TEST_MILVUS = milvus.address
  return async () => {
    await milvus.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
