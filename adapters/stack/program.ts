/** A program that is run to its end for what it does or says. */
import { spawn } from 'node:child_process'

export interface ProgramRun {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string
}

/** What uv, pip and Python say of a failure stands in one of the last lines. */
const complaint = (said: string): string => {
  const lines = said.trim().split('\n').map((line) => line.trim()).filter((line) => line !== '') // prettier-ignore
  const last = lines.findLast((line) => /^(error:|\w*(Error|Exception)\b)/.test(line)) ?? lines.at(-1)
  return (last ?? 'it ended without a word').replace(/^error: /, '').slice(0, 300)
}

/** What it wrote on its standard output. @throws Error with what it complained of, where its exit code is not 0 */
export const program = ({ command, args, env, cwd }: ProgramRun): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...(cwd !== undefined && { cwd }) })
    let [out, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out = (out + text).slice(-64_000)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-64_000)))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(complaint(said || out), { cause: said })),
    )
  })
