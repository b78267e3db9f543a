/** What Python itself makes of a value: its answer to one script, as JSON in and JSON out. */
import { execFile } from 'node:child_process'

export const python = <T>(script: string, input: unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    const whole = `import csv, io, json, sys\nvalue = json.load(sys.stdin)\n${script}\n`
    const env = { ...process.env, PYTHONIOENCODING: 'utf8' }
    const child = execFile('python3', ['-c', whole], { env, maxBuffer: 1 << 26 }, (error, out, said) =>
      error ? reject(new Error(said, { cause: error })) : resolve(JSON.parse(out) as T),
    )
    child.stdin?.end(JSON.stringify(input))
  })
