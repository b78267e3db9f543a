/** Pickled shards as Contriever publishes its embeddings, read by python/vectors/shards.py, which runs nothing of them. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable } from 'node:stream'
import { Fatal } from '../../runtime/errors.ts'
import { pythonFile } from '../models/python.ts'
import { checkFinite, numbersOf, widthOf, type NumberKind } from './numbers.ts'
import { CutShort, taker, type Taker } from './taker.ts'
import type { VectorBlock, VectorFile } from './vectors.ts'

/** What the tool says of a shard. */
interface Header {
  readonly file: string
  readonly rows: number
  readonly dimension: number
  readonly kind: NumberKind
}

type Child = ChildProcessByStdio<null, Readable, Readable>

const wanted = 'Python 3.8 or newer reads pickled shards: install it, or save the vectors as .npy'

/** Starts the tool: no packages, nothing of the user's site, no files left behind. */
const start = (args: readonly string[]): { child: Child; ended: Promise<void> } => {
  const flags = ['-E', '-s', '-S', '-B', pythonFile('vectors/shards.py')]
  const child = spawn('python3', [...flags, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Fatal(`python3 is not installed; ${wanted}`, { cause: error }) : error),
    )
    child.on('close', (code, killed) => {
      const last = said.trim().split('\n').at(-1) ?? ''
      if (code === 0) resolve()
      else if (code === 2 && last !== '') reject(new Fatal(last))
      else reject(new Fatal(`the reader of pickled shards ended with ${killed ?? code} (${last || 'without a word'})`))
    })
  })
  // Whoever waits hears of it; a reader who left early does not want to.
  ended.catch(() => undefined)
  return { child, ended }
}

/** All that the tool writes, one JSON value a line. */
const inspect = async (paths: readonly string[], signal?: AbortSignal): Promise<Header[]> => {
  const { child, ended } = start(['inspect', ...paths])
  const stop = () => child.kill()
  signal?.addEventListener('abort', stop)
  try {
    let out = ''
    for await (const text of child.stdout.setEncoding('utf8') as AsyncIterable<string>) out += text
    await ended
    return out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Header)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

async function* frames(out: Taker, { file, dimension, kind }: Header, from: number): AsyncGenerator<VectorBlock> {
  for (let first = from; ;) {
    const sizes = Buffer.from(await out.take(8))
    const [rows, bytes] = [sizes.readUInt32LE(0), sizes.readUInt32LE(4)]
    if (rows === 0) return
    const ids = JSON.parse(Buffer.from(await out.take(bytes)).toString('utf8')) as string[]
    const vectors = numbersOf(await out.take(rows * dimension * widthOf(kind)), kind)
    checkFinite(file, vectors, dimension, first)
    yield { from: first, rows, vectors, ids }
    first += rows
  }
}

async function* stream(header: Header, from: number, signal?: AbortSignal): AsyncGenerator<VectorBlock> {
  signal?.throwIfAborted()
  const { child, ended } = start(['stream', '--from', String(from), header.file])
  const stop = () => child.kill()
  signal?.addEventListener('abort', stop)
  try {
    const out = taker(child.stdout)
    const now = JSON.parse((await out.line()).toString('utf8')) as Header
    if (now.rows !== header.rows || now.dimension !== header.dimension || now.kind !== header.kind)
      throw new Fatal(`${header.file} has changed since it was opened; start again`)
    yield* frames(out, header, from)
    await ended
  } catch (error) {
    signal?.throwIfAborted()
    // What the tool complains of explains an output that ends too soon.
    if (error instanceof CutShort) await ended
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
    child.kill()
  }
}

/** @throws Fatal with the file and why it is refused. */
export const openShards = async (paths: readonly string[], signal?: AbortSignal): Promise<VectorFile[]> =>
  (await inspect(paths, signal)).map((header) => ({
    path: header.file,
    rows: header.rows,
    dimension: header.dimension,
    hasIds: true,
    blocks: (from = 0, stopped) => stream(header, from, stopped),
  }))
