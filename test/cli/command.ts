/** The command line as a real child process, in a folder of its own. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export const entry = join(import.meta.dirname, '../../cli/main.ts')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Instead of Node on the sources. */
  readonly command?: readonly string[]
}

/** Without settings of whoever runs the tests. */
const bare = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GAINSTREAM_')))

export const launch = (args: readonly string[], { cwd, env = {}, command = [process.execPath, entry] }: Running) => {
  const [file = '', ...before] = command
  const home = process.env.GAINSTREAM_HOME
  const child = spawn(file, [...before, ...args], {
    cwd,
    env: { ...bare(), ...(home !== undefined && { GAINSTREAM_HOME: home }), NO_COLOR: '1', ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const patience = setTimeout(() => child.kill('SIGKILL'), 50_000)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(patience)
      resolve({ code, stdout, stderr })
    })
  })
  return { child, ended, said: () => stderr }
}

export const run = (args: readonly string[], running: Running): Promise<Ended> => launch(args, running).ended

export const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'gainstream-cli-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Every record and every position of a log, as one hash: equal when nothing was lost or added. */
export const digest = (path: string): string => {
  const file = new DatabaseSync(path, { readOnly: true })
  try {
    const hash = createHash('sha256')
    for (const query of [
      'SELECT id, headers, key, value FROM records ORDER BY id',
      'SELECT name, partitions FROM topics ORDER BY name',
      'SELECT topic, partition, first, next FROM lanes ORDER BY topic, partition',
      'SELECT grp, topic, name, position FROM seats WHERE position IS NOT NULL ORDER BY grp, topic, name',
    ])
      for (const row of file.prepare(query).iterate()) hash.update(JSON.stringify(row))
    return hash.digest('hex')
  } finally {
    file.close()
  }
}
