/**
 * What is written down of a server that runs, so that another process finds it again, and the proof that a process is
 * that server: a number may have gone to somebody else meanwhile, but nobody else has the server's mark on its command
 * line. Processes that a server starts have the mark in their environment, and so are known when the server is gone.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { pause } from '../../runtime/wait.ts'

const Record = z.object({
  pid: z.int().min(2),
  /** Stands on the command line of the process: made anew for each start. */
  mark: z.string().min(16),
  ports: z.record(z.string(), z.int()),
  /** What it was started with, as far as somebody may ask for something else. */
  settings: z.record(z.string(), z.string()).optional(),
})
export type Record = z.infer<typeof Record>

const fileOf = (folder: string, name: string) => join(folder, `${name}.json`)

/** Undefined where there is none, or none that can be read. */
export const readRecord = (folder: string, name: string): Record | undefined => {
  const file = fileOf(folder, name)
  if (!existsSync(file)) return undefined
  try {
    return Record.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined // nothing can be proven by it
  }
}

/** Written aside and renamed: never half there. */
export const writeRecord = (folder: string, name: string, record: Record): void => {
  const aside = `${fileOf(folder, name)}.${record.mark}`
  writeFileSync(aside, JSON.stringify(record, null, 2))
  renameSync(aside, fileOf(folder, name))
}

export const removeRecord = (folder: string, name: string): void => rmSync(fileOf(folder, name), { force: true })

/** Empty for a process that is gone, or dead and not yet buried. */
const commandLine = (pid: number): string => {
  if (process.platform !== 'linux')
    return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? ''
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

const word = (mark: string) => `gainstream.stack=${mark}`

/** The option of Java that carries the mark. */
export const marking = (mark: string) => `-D${word(mark)}`
/** Python's, which keeps options that it does not know for whoever asks. */
export const markingPython = (mark: string): string[] => ['-X', word(mark)]
/** For the environment of a server, which its processes inherit. */
export const markingAll = (mark: string) => ({ GAINSTREAM_STACK: mark })

/** Does this very server still run? */
export const isAlive = ({ pid, mark }: Pick<Record, 'pid' | 'mark'>): boolean => commandLine(pid).includes(word(mark))

const exists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/**
 * A process that becomes another program (a wrapper of Python does, twice) shows no arguments meanwhile: for an instant,
 * or, on a busy machine, for longer. One that is there is given a second to show them.
 */
export const isGone = async (record: Pick<Record, 'pid' | 'mark'> | undefined): Promise<boolean> => {
  for (let look = 0; look < 50; look++) {
    if (!record || (!isAlive(record) && !exists(record.pid))) return true
    if (isAlive(record)) return false
    await pause(20)
  }
  return true
}

const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return '' // it is gone, or another user's
  }
}

/** Numbers of the processes whose environment bears the mark. */
const inheritors = (mark: string): number[] => {
  const bears = (text: string) => text.includes(`GAINSTREAM_STACK=${mark}`)
  if (process.platform === 'linux')
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && bears(environmentOf(name))).map(Number) // prettier-ignore
  const { stdout } = spawnSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 1 << 26 })
  return (stdout ?? '').split('\n').filter(bears).map((line) => parseInt(line, 10)) // prettier-ignore
}

/** The server, where it still runs, and all that it started and that still runs. */
export const processesOf = (record: Pick<Record, 'pid' | 'mark'>): number[] => [
  ...new Set([...(isAlive(record) ? [record.pid] : []), ...inheritors(record.mark)]),
]
