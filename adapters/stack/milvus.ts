/** One server of Milvus Lite: Milvus in one process and one folder, listening on this machine only. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:net'
import { checkPython, pythonFile, pythonPackages } from '../models/python.ts'
import { locked } from './lock.ts'
import { host } from './ports.ts'
import { markingPython } from './record.ts'
import { server, type Server } from './server.ts'

/** Folder of its Python packages (460 MB), installed once. @throws Fatal, Unavailable with a sentence */
export const milvusPackages = async (home: string): Promise<string> => {
  await checkPython()
  const folder = join(home, 'python')
  await mkdir(folder, { recursive: true })
  const busy = 'another command is installing Milvus Lite: wait for it'
  const install = () => pythonPackages(pythonFile('milvus/requirements.txt'), home, 'Milvus Lite')
  return locked(join(folder, 'milvus'), install, 900_000, busy)
}

export interface MilvusServerOptions {
  /** Of its record, log and data. */
  readonly folder: string
  /** Of its Python packages. */
  readonly packages: string
  readonly port: number
  /** It goes on when its starter ends; else it ends with it, however that ends. */
  readonly detached?: boolean
  readonly grace?: number
  readonly remedy?: (port: string) => string
  readonly onWaiting?: ((seconds: number) => void) | undefined
}

export interface MilvusServer extends Server {
  /** `host:port` */
  readonly address: string
}

export const milvusAddress = (port: number) => `${host}:${port}`

/** The first bytes of a server that speaks HTTP/2, as gRPC does: its settings. @throws while none answers */
export const probeMilvus = (address: string, patience = 5_000): Promise<void> =>
  new Promise((resolve, reject) => {
    const [at = '', port] = address.split(':')
    const socket = connect({ host: at, port: Number(port), timeout: patience })
    const end = (error?: Error) => {
      socket.destroy()
      if (error) reject(error)
      else resolve()
    }
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
    socket.on('connect', () => socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings])))
    socket.on('data', (bytes) => end(bytes[3] === 4 ? undefined : new Error(`${address} does not speak HTTP/2`)))
    socket.on('timeout', () => end(new Error(`${address} does not answer`)))
    socket.on('error', end)
    socket.on('close', () => end(new Error(`${address} closed the connection`)))
  })

/** A server that is not started yet, or that was and is found again by what stands in its folder. */
export const milvusServer = (options: MilvusServerOptions): MilvusServer => {
  const { folder, packages, port, detached = false, grace, remedy, onWaiting } = options
  const address = milvusAddress(port)
  const made = server({
    ...{ name: 'milvus', title: 'Milvus Lite server', folder, log: 'milvus.log', ports: { milvus: port } },
    ...{ detached, family: true, onWaiting, command: 'python3', marked: markingPython },
    env: { PYTHONPATH: packages, PYTHONNOUSERSITE: '1', PYTHONUNBUFFERED: '1' },
    args: [pythonFile('milvus/server.py'), '--data-dir', 'milvus', '--host', host, '--port', String(port)],
    ...(grace !== undefined && { grace }),
    ...(remedy && { remedy }),
    prepare: () => Promise.resolve(),
    probe: () => probeMilvus(address),
  })
  return {
    ...made,
    get pid() {
      return made.pid
    },
    address,
  }
}

/** Starts it and waits until it answers. @throws Fatal that names its log */
export const startMilvus = async (options: MilvusServerOptions): Promise<MilvusServer> => {
  const milvus = milvusServer(options)
  await milvus.start()
  return milvus
}
