/** Simulated servers as child processes: started, killed, stopped, restarted on the same port, and counted. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Faults } from './faults.ts'

const path = join(import.meta.dirname, 'simulated.ts')

export interface SimulatedOptions {
  /** Tokens a second; see `simulated.ts` for this and the rest. */
  readonly prefill?: number
  readonly decode?: number
  readonly seats?: number
  readonly context?: number
  readonly seed?: number
  readonly rows?: number
  readonly plugin?: boolean
  readonly faults?: Partial<Faults>
  /** A server that ends by itself, or does not say three times in a row that it is well, is started again as it was. */
  readonly supervised?: boolean
}

export interface SimulatedServer {
  readonly url: string
  readonly pid: number | undefined
  /** Over all of its lives. */
  readonly seen: { readonly connections: number; readonly requests: number; readonly completions: number }
  /** How often it ended without having been told to. */
  readonly deaths: number
  send(signal: NodeJS.Signals): void
  /** `kill -9`; resolves when it is gone, for good unless it is started again. */
  kill(): Promise<void>
  /** Starts it again on its port; resolves when it answers. */
  start(): Promise<void>
  /** Changes how it behaves; lost when it dies. */
  set(faults: Partial<Faults>): Promise<void>
  /** How it behaves now. */
  faults(): Promise<Faults>
}

const flags = ({ faults = {}, supervised: _, plugin = true, ...rest }: SimulatedOptions, port: number) => [
  ...Object.entries({ ...rest, port }).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ...['--faults', JSON.stringify(faults), '--tell', ...(plugin ? [] : ['--no-plugin'])],
]

/**
 * As supervisors do: a server that does not answer three questions for its health in a row is killed.
 * @param url undefined while it starts
 */
export const watched = (url: () => string | undefined, kill: () => void) => {
  let misses = 0
  const look = async () => {
    const at = url()
    if (at === undefined) return
    const well = await fetch(`${at}/health`, { signal: AbortSignal.timeout(1_000) }).then(
      (reply) => reply.ok,
      () => false,
    )
    misses = well ? 0 : misses + 1
    if (misses < 3) return
    misses = 0
    kill()
  }
  const timer = setInterval(() => void look(), 1_000).unref()
  return () => clearInterval(timer)
}

/** @throws Error when it ends before it listens. */
export const simulatedServer = async (options: SimulatedOptions = {}): Promise<SimulatedServer> => {
  const seen = { connections: 0, requests: 0, completions: 0 }
  let [url, deaths, told, listens] = ['', 0, false, false]
  let child: ChildProcess | undefined

  const start = () =>
    new Promise<void>((resolve, reject) => {
      const port = url === '' ? 0 : Number(new URL(url).port)
      const own = spawn(process.execPath, [path, ...flags(options, port)], { stdio: ['ignore', 'pipe', 'inherit'] })
      const end = () => void own.kill('SIGKILL')
      process.once('exit', end) // a run that is broken off leaves nobody behind
      child = own
      ;[told, listens] = [false, false]
      createInterface({ input: own.stdout }).on('line', (line) => {
        if (line === 'connection') seen.connections++
        else if (line === 'request') seen.requests++
        else if (line === 'completion') seen.completions++
        else {
          url = /http:\S+/.exec(line)?.[0] ?? url
          listens = true
          resolve()
        }
      })
      own.once('exit', (code, signal) => {
        process.off('exit', end)
        reject(new Error(`the simulated server ended with ${signal ?? code} before it listened`))
        if (told || child !== own) return
        deaths++
        if (options.supervised) start().catch(() => {}) // it was told to go while it began
      })
    })
  await start()
  const unwatch = options.supervised ? watched(() => (listens ? url : undefined), () => child?.kill('SIGKILL')) : () => {} // prettier-ignore

  const kill = () =>
    new Promise<void>((resolve) => {
      told = true
      unwatch()
      if (!child || child.exitCode !== null || child.signalCode !== null) return resolve()
      child.once('close', () => resolve())
      child.kill('SIGKILL')
    })
  return {
    get url() {
      return url
    },
    get pid() {
      return child?.pid
    },
    seen,
    get deaths() {
      return deaths
    },
    send: (signal) => void child?.kill(signal),
    kill,
    start,
    async set(faults) {
      const headers = { 'content-type': 'application/json' }
      const reply = await fetch(`${url}/simulated`, { method: 'POST', headers, body: JSON.stringify(faults) })
      if (!reply.ok) throw new Error(`${url} refused ${JSON.stringify(faults)}: ${await reply.text()}`)
    },
    faults: async () => ((await (await fetch(`${url}/simulated`)).json()) as { faults: Faults }).faults,
  }
}

/** So many alike. */
export const simulatedFleet = (count: number, options: SimulatedOptions = {}): Promise<SimulatedServer[]> =>
  Promise.all(Array.from({ length: count }, () => simulatedServer(options)))
