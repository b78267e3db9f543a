/** The tool as somebody at a terminal starts it: a real process, which can be killed, stopped and interrupted. */
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause } from '../../runtime/wait.ts'

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
  readonly seconds: number
}

export interface Running {
  readonly ended: Promise<Ended>
  /** What it has said on standard error so far. */
  said(): string
  send(signal: NodeJS.Signals): void
}

const commandLine = join(import.meta.dirname, '..', '..', 'cli', 'main.ts')
const alive = new Set<Running>()

/** No setting of whoever runs the tests; only where the models are. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('GAINSTREAM_') || name === 'GAINSTREAM_HOME'),
  )

/** Starts `gainstream ARGS`, or another script with them. */
export const start = (args: readonly string[], script = commandLine): Running => {
  const began = performance.now()
  const child = spawn(process.execPath, [script, ...args], {
    cwd: tmpdir(), // no gainstream.yaml of this folder
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      alive.delete(running)
      resolve({ code, signal, ...texts, seconds: (performance.now() - began) / 1000 })
    })
  })
  const running: Running = { ended, said: () => texts.err, send: (signal) => void child.kill(signal) }
  alive.add(running)
  return running
}

/** Runs the tool to its end. @throws Error with what it said when it fails */
export const run = async (args: readonly string[], script?: string): Promise<Ended> => {
  const ended = await start(args, script).ended
  if (ended.code !== 0) throw new Error(`gainstream ${args[0]} ended with ${ended.code ?? ended.signal}: ${ended.err}`)
  return ended
}

/** Kills what a failed test left running. */
export const endAll = async (): Promise<void> => {
  for (const running of [...alive]) {
    running.send('SIGCONT')
    running.send('SIGKILL')
    await running.ended
  }
}

/** Until `look` gives something. @throws Error after `patience` ms, or when one of these processes has ended first */
export const eventually = async <T>(
  what: string,
  patience: number,
  look: () => T | undefined,
  ...needed: readonly Running[]
): Promise<T> => {
  let over: Ended | undefined
  for (const { ended } of needed) void ended.then((ended) => (over = ended))
  const deadline = Date.now() + patience
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (over) throw new Error(`${what}: the process ended before (${over.code ?? over.signal}): ${over.err}`)
    if (Date.now() > deadline) throw new Error(`${what}: not within ${patience / 1000} s`)
    await pause(10)
  }
}

/** JSON lines of the debug log with this message. */
export const logged = (err: string, message: string): Record<string, unknown>[] =>
  err.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [] // a killed process may leave half a line
    const said = JSON.parse(line) as Record<string, unknown>
    return said['msg'] === message ? [said] : []
  })
