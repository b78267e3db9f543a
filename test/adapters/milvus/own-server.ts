/** A server of Milvus Lite of a test's own, that can be killed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, milvusPackages, startMilvus, type MilvusServer } from '../../../adapters/stack/index.ts'
import { home } from '../../../cli/config.ts'

export interface OwnServer extends MilvusServer {
  remove(): Promise<void>
}

export const ownServer = async (): Promise<OwnServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'gainstream-milvus-own-'))
  const [port] = (await freePorts(1)) as [number]
  const server = await startMilvus({ folder, packages: await milvusPackages(home(process.env)), port })
  return {
    ...server,
    get pid() {
      return server.pid
    },
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
