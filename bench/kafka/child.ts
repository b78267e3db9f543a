/** The processes that a benchmark starts, and ends by their own ids. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Child {
  readonly pid: number
  /** When it was started, as `Date.now()`. */
  readonly started: number
  /** Resolves with what the process says after this word. @throws when it ends before it has said it */
  said(word: string): Promise<string>
  /** Rejects when the process ends by itself; never resolves. */
  readonly failed: Promise<never>
  /** Ends it; resolves once it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>
}

const living = new Set<ChildProcess>()
process.on('exit', () => living.forEach((each) => each.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Each line of a child's standard output is a word, and what belongs to it. */
export const start = (command: string, args: readonly string[]): Child => {
  const started = Date.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  living.add(child)
  const heard = new Map<string, string>()
  const waiting = new Set<() => void>()
  const tell = () => waiting.forEach((look) => look())
  createInterface(child.stdout).on('line', (line) => {
    const [word = '', ...rest] = line.split(' ')
    heard.set(word, rest.join(' '))
    tell()
  })
  let [over, ending] = [false, false]
  const gone = new Promise<void>((resolve) =>
    child.once('close', () => {
      over = true
      living.delete(child)
      tell()
      resolve()
    }),
  )
  const failed = gone.then(() => {
    if (!ending) throw new Error(`${command} ${args[0] ?? ''} ended by itself`)
    return new Promise<never>(() => {})
  })
  failed.catch(() => {})
  return {
    ...{ failed, pid: child.pid ?? -1, started },
    said: (word) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = heard.get(word)
          if (found === undefined && !over) return
          waiting.delete(look)
          if (found !== undefined) resolve(found)
          else reject(new Error(`${command} ${args[0] ?? ''} ended before it said "${word}"`))
        }
        waiting.add(look)
        look()
      }),
    async end(signal = 'SIGTERM') {
      ending = true
      child.kill(signal)
      await gone
    },
  }
}

/** A file of this folder, run by this Node and told its orders. */
export const startNode = (file: string, orders: object, flags: readonly string[] = []): Child =>
  start(process.execPath, [...flags, new URL(file, import.meta.url).pathname, JSON.stringify(orders)])
