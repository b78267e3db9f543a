/** Worker processes and what they noted: who began which step when. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Orders } from './worker.ts'

export interface Worker {
  readonly pid: number | undefined
  /** True once it has its partitions to work on. */
  readonly ready: boolean
  /** Resolves with its exit code, null after a signal. */
  readonly ended: Promise<number | null>
  /** The sentence with which it stopped by itself. */
  readonly sentence: string | undefined
  send(signal: NodeJS.Signals): void
}

/** A step that began. */
export interface Begun {
  readonly at: number
  readonly stage: string
  readonly id: string
}

const path = join(import.meta.dirname, 'worker.ts')

/** Starts workers that note into `folder`. */
export const crew = (folder: string, orders: Omit<Orders, 'notes'>) => {
  const alive = new Set<Worker>()
  /** Workers that nobody had told to go. */
  const deserters: Worker[] = []
  let born = 0

  const start = (changes: Partial<Orders> = {}): Worker => {
    const notes = join(folder, String(born++))
    const all: Orders = { ...orders, notes, ...changes }
    const child = spawn(process.execPath, [path, JSON.stringify(all)], { stdio: ['ignore', 'ignore', 'pipe'] })
    const end = () => void child.kill('SIGKILL')
    process.once('exit', end) // a run that is broken off leaves nobody behind
    child.once('exit', () => process.off('exit', end))
    let [said, told] = ['', false]
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000)
      if (process.env['VERBOSE']) process.stderr.write(`${child.pid} ${text}`)
    })
    const worker: Worker = {
      pid: child.pid,
      get ready() {
        return linesOf(notes).some((line) => line.endsWith('! ready'))
      },
      get sentence() {
        return /^stopped: (.*)$/m.exec(said)?.[1]
      },
      send(signal) {
        told ||= signal === 'SIGKILL' || signal === 'SIGTERM'
        child.kill(signal)
      },
      ended: new Promise((resolve) => {
        child.once('close', (code) => {
          alive.delete(worker)
          if (!told) deserters.push(worker)
          else if (code) deserters.push(worker)
          resolve(code)
        })
      }),
    }
    alive.add(worker)
    return worker
  }

  const lines = () => readdirSync(folder).flatMap((file) => linesOf(join(folder, file)))
  return {
    start,
    alive: alive as ReadonlySet<Worker>,
    deserters: deserters as readonly Worker[],
    steps: (): Begun[] =>
      lines().flatMap((line) => {
        const [at, stage = '', id = ''] = line.split(' ')
        return stage === '!' ? [] : [{ at: Number(at), stage, id }]
      }),
    /** How many commits ended so. */
    commits: (kind: 'unknown' | 'fenced') => lines().filter((line) => line.endsWith(`! ${kind}`)).length,
    /** SIGTERM, and SIGKILL for whoever stays: true when all left by themselves. */
    async dismiss(patience = 60_000): Promise<boolean> {
      const leaving = [...alive]
      for (const worker of leaving) worker.send('SIGTERM')
      const late = setTimeout(() => leaving.forEach((worker) => worker.send('SIGKILL')), patience)
      const codes = await Promise.all(leaving.map(({ ended }) => ended))
      clearTimeout(late)
      return codes.every((code) => code === 0)
    },
    async endAll() {
      for (const worker of [...alive]) {
        worker.send('SIGCONT')
        worker.send('SIGKILL')
        await worker.ended
      }
    },
  }
}
export type Crew = ReturnType<typeof crew>

/** Whole lines: a process that was killed may leave half of one. */
const linesOf = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1)
  } catch {
    return []
  }
}
