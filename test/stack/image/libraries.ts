/** What programs need of this machine to run in an image that holds nothing else. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** glibc looks these up by name only when a host name is resolved, so nothing is linked to them. */
const looked = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']

/** Absolute paths that ldd names, among them the dynamic loader. @throws where one is missing */
const linked = (program: string, own: readonly string[]): string[] => {
  const env = { ...process.env, LD_LIBRARY_PATH: own.join(':') }
  const { stdout, stderr, error } = spawnSync('ldd', [program], { encoding: 'utf8', timeout: 20_000, env })
  if (error) throw new Error(`ldd cannot be run (${error.message})`, { cause: error })
  const missing = /(\S+) => not found/.exec(stdout)?.[1] ?? (/not found/.test(stderr) ? 'glibc' : undefined)
  if (missing !== undefined) throw new Error(`${program} needs ${missing}, which this machine lacks`)
  return [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].flatMap(([, path]) =>
    path === undefined ? [] : [normalize(path)],
  )
}

const beside = (libc: string) => looked.map((name) => join(dirname(libc), name)).filter((path) => existsSync(path))

/**
 * The shared libraries of these programs, as paths at which the dynamic loader of an image finds them, too. Those in
 * the folders `own` travel with the programs and are left out.
 * @throws where a library is missing
 */
export const librariesOf = (programs: readonly string[], own: readonly string[]): string[] => {
  const linkedTo = programs.flatMap((program) => linked(program, own))
  const found = new Set(linkedTo.filter((path) => !own.includes(dirname(path))))
  const libc = [...found].find((path) => path.endsWith('/libc.so.6'))
  if (libc === undefined) throw new Error('the Java of the image needs glibc, which this machine lacks')
  return [...found, ...beside(libc)].sort()
}
