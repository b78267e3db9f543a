import { readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Set-up cannot go on: one sentence for people, then the detail of whoever refused. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/**
 * A sentence for what a file system refused; anything else is a bug and goes on as it is.
 * @param {unknown} error
 */
export const explained = (error) => {
  if (error instanceof SetupError) return error
  if (!(error instanceof Error && 'code' in error && 'path' in error)) throw error
  return new SetupError(
    `Set-up cannot write ${String(error.path)} (${error.message}): make room there and see that you may write, or set GAINSTREAM_HOME to a folder of your own.`,
  )
}

/** Where everything lies that is fetched or made once per user: GAINSTREAM_HOME, else the user's cache folder. */
export const stateFolder = () =>
  process.env['GAINSTREAM_HOME'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'gainstream')

/** @param {string} line */
export const say = (line) => void process.stderr.write(`gainstream set-up: ${line}\n`)

/**
 * Bytes of all files under a folder.
 * @param {string} folder
 * @returns {number}
 */
const sizeOf = (folder) => {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += sizeOf(path)
    else if (entry.isFile()) bytes += statSync(path).size
  }
  return bytes
}

const EVERY = 10_000

/**
 * Says what is being done, that it is still being done, and what came of it.
 * @template T
 * @param {string} what
 * @param {string} folder whose size is told at the end
 * @param {() => Promise<T>} work
 */
export const withProgress = async (what, folder, work) => {
  const began = Date.now()
  const seconds = () => Math.round((Date.now() - began) / 1000)
  say(`${what}, once ...`)
  const timer = setInterval(() => say(`${what}: ${seconds()} s ...`), EVERY)
  try {
    const result = await work()
    say(`${what}: done, ${Math.round(sizeOf(folder) / 1e6)} MB on disk, ${seconds()} s`)
    return result
  } finally {
    clearInterval(timer)
  }
}
