/** The worker process as the harness sees it. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Orders, Report } from './worker.ts'

const path = join(import.meta.dirname, 'worker.ts')

export interface Worker {
  readonly reports: readonly Report[]
  /** The sentence with which it ended by itself. */
  readonly sentence: string | undefined
  /** SIGTERM, and SIGKILL if it stays for a minute: true when it left by itself. */
  dismiss(): Promise<boolean>
}

export const worker = (orders: Orders): Worker => {
  const child = spawn(process.execPath, [path, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const end = () => void child.kill('SIGKILL')
  process.once('exit', end) // a run that is broken off leaves nobody behind
  const reports: Report[] = []
  let said = ''
  let sentence: string | undefined
  createInterface({ input: child.stdout }).on('line', (line) => reports.push(JSON.parse(line) as Report))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-5_000)
    if (process.env['VERBOSE']) process.stderr.write(text)
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      process.off('exit', end)
      sentence = /^stopped: (.*)$/m.exec(said)?.[1] ?? `it ended with ${code}: ${said.slice(-1_000)}`
      resolve(code)
    })
  })
  return {
    reports,
    get sentence() {
      return sentence
    },
    async dismiss() {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
      const code = await ended
      clearTimeout(late)
      return code === 0
    },
  }
}
