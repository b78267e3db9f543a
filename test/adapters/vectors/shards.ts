/** Pickles that the tests read: made by numpy where the package index can be reached. */
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pythonFile, pythonPackages } from '../../../adapters/models/python.ts'
import { sentence } from '../../../runtime/errors.ts'

const home = process.env['GAINSTREAM_HOME'] ?? join(homedir(), '.cache', 'gainstream')

const packages = await pythonPackages(pythonFile('prepare/requirements.txt'), home).catch((error: unknown) =>
  console.warn(`skipped: no numpy to write pickles with (${sentence(error)})`),
)

/** What numpy writes can be had here. */
export const withNumpy = packages !== undefined

/** Runs pickles.py; gives what it says. */
export const pickles = async (...args: string[]): Promise<string> => {
  const env = { ...process.env, PYTHONPATH: packages ?? '', PYTHONDONTWRITEBYTECODE: '1' }
  const file = join(import.meta.dirname, 'pickles.py')
  return (await promisify(execFile)('python3', [file, ...args], { env })).stdout
}

export const folder = (): string => mkdtempSync(join(tmpdir(), 'gainstream-vectors-'))
