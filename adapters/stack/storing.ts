/** The Milvus Lite server that stands on a machine between commands, beside the others. */
import { mkdir } from 'node:fs/promises'
import { Fatal } from '../../runtime/errors.ts'
import { locked } from './lock.ts'
import { milvusPackages, milvusServer } from './milvus.ts'
import { running, stand, type Standing } from './standing.ts'

export interface KeepOptions {
  /** Data, log and record; an absolute path. */
  readonly folder: string
  /** Folder of tools and models that all projects of this user share. */
  readonly home: string
  /** A server that runs with another one is not what was asked for. */
  readonly port?: number | undefined
  /** For a server that does not run yet. */
  readonly defaultPort: number
  readonly remedy?: (port: string) => string
}

/**
 * Starts Milvus Lite unless it runs, and waits until it answers; it outlives this process.
 * @throws Fatal, Unavailable with a sentence when it cannot be installed, its port is taken, or it does not start
 */
export const keepMilvus = async ({ folder, home, port, defaultPort, remedy }: KeepOptions): Promise<Standing> => {
  const packages = await milvusPackages(home)
  await mkdir(folder, { recursive: true })
  return locked(folder, async () => {
    const there = running(folder, 'milvus')?.ports['milvus']
    if (there !== undefined && port !== undefined && there !== port)
      throw new Fatal(`the Milvus Lite server already runs with port ${there}, not ${port}: gainstream down stops it`)
    const chosen = there ?? port ?? defaultPort
    return stand(milvusServer({ folder, packages, port: chosen, detached: true, ...(remedy && { remedy }) }))
  })
}
