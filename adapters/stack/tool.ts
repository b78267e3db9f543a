/** Programs among the broker's jars: formatting a storage, and the tools that Kafka's users know. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface ToolRun {
  readonly command: string
  readonly jars: string
  readonly main: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly input?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ToolEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs it to its end, whatever its exit code is. */
export const tool = ({ command, jars, main, args, cwd, input, signal }: ToolRun): Promise<ToolEnd> =>
  new Promise((resolve, reject) => {
    const options = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
    const logging = '-Dlog4j2.configurationFile=log4j2.properties'
    const child = spawn(command, [...options, logging, '-cp', join(jars, '*'), main, ...args], {
      cwd,
      ...(signal && { signal }),
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.end(input ?? '')
  })
