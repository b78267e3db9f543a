import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.js'
import { npmInstall } from './npm.js'
import { say, withProgress } from './setup.js'
import { staged } from './staging.js'

/** What an install depends on; npm is given nothing else. */
const INPUTS = ['package.json', 'package-lock.json', '.npmrc']

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, optionalDependencies?: Record<string, string> }} Locked
 */

/**
 * @param {string} text of a lock file
 * @returns {Record<string, Locked>} by path
 */
const lockedIn = (text) => /** @type {{ packages?: Record<string, Locked> }} */ (JSON.parse(text)).packages ?? {}

/** @param {string} path */
const readIfThere = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** @param {string} root */
const stampPath = (root) => join(root, 'node_modules', '.gainstream')

/** @param {string} root */
const stampOf = (root) =>
  createHash('sha256')
    .update(`${process.platform}-${process.arch}\n${readFileSync(join(root, 'package-lock.json'), 'utf8')}`)
    .digest('hex')

/**
 * Did somebody run `npm install` by hand? npm notes at the end of an install what it put where: if that is what the
 * lock asks for and what lies there, there is nothing to do. (npm updates the note with `--package-lock-only`, too, so it
 * alone proves nothing.) Of optional packages only those for other systems may be absent, and what package.json names
 * itself must be there: npm drops such a package silently when its install script fails.
 * @param {string} root
 */
const isInstalledByHand = (root) => {
  const noted = readIfThere(join(root, 'node_modules', '.package-lock.json'))
  if (!noted) return false
  const there = lockedIn(noted)
  const wanted = lockedIn(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const own = Object.keys(wanted['']?.optionalDependencies ?? {}).map((name) => `node_modules/${name}`)
  const isWanted = (/** @type {string} */ path) => {
    const manifest = readIfThere(join(root, path, 'package.json'))
    const { version } = /** @type {Locked} */ (manifest ? JSON.parse(manifest) : {})
    return wanted[path]?.integrity === there[path]?.integrity && wanted[path]?.version === version
  }
  return (
    Object.keys(there).every(isWanted) &&
    Object.entries(wanted).every(([path, { optional }]) => path === '' || optional || path in there) &&
    own.every((path) => path in there)
  )
}

/**
 * Puts a whole folder in the place of another. Between the two renames there is none, and a start in that moment waits
 * at the lock.
 * @param {string} from
 * @param {string} to
 * @param {string} away
 */
const swap = (from, to, away) => {
  if (existsSync(to)) renameSync(to, away)
  renameSync(from, to)
  rmSync(away, { recursive: true, force: true })
}

/** @param {string} root */
const install = (root) =>
  staged(join(root, '.gainstream', 'staging'), async (staging) => {
    const stamp = stampOf(root)
    for (const name of INPUTS) if (existsSync(join(root, name))) copyFileSync(join(root, name), join(staging, name))
    mkdirSync(join(staging, 'node_modules'))
    const what = 'installing the packages of package-lock.json'
    await withProgress(what, staging, () => npmInstall(staging, ['--include=dev', '--include=optional'], what))
    writeFileSync(stampPath(staging), stamp)
    swap(join(staging, 'node_modules'), join(root, 'node_modules'), join(staging, 'away'))
  })

/**
 * node_modules as package-lock.json says. Installs into a folder of its own and renames it into place, so that no
 * process ever sees half of it, whoever was killed when.
 * @param {string} root of a checkout
 */
export const ensurePackages = async (root) => {
  const isThere = () => readIfThere(stampPath(root)) === stampOf(root)
  if (isThere()) return
  const lock = join(root, '.gainstream', 'install.lock')
  await withLock(
    lock,
    () => say('waiting for another start that installs the packages'),
    async () => {
      if (isThere()) return
      if (isInstalledByHand(root)) writeFileSync(stampPath(root), stampOf(root))
      else await install(root)
    },
  )
}
