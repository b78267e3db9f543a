import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { SetupError } from './setup.js'

/** npm's own script where it can be found (it then runs on this very Node), else `npm` from the PATH. */
const npmCommand = () => {
  const beside = dirname(process.execPath)
  const scripts = [
    process.env['npm_execpath'] ?? '',
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ]
  const script = scripts.find((path) => basename(path) === 'npm-cli.js' && existsSync(path))
  return script ? { command: process.execPath, first: [script] } : { command: 'npm', first: [] }
}

/**
 * Settings of an outer npm that must not reach this one: under `npm pack --dry-run` or `npm install -g` the set-up is
 * still a plain install. Registry, proxy and cache settings pass.
 */
const OUTER =
  /^npm_config_(dry_run|global|location|prefix|local_prefix|omit|include|only|production|workspaces?|package_lock.*|save.*|loglevel|json|long|pack_destination)$/i

const environment = () => {
  const kept = Object.entries(process.env).filter(([name]) => !OUTER.test(name))
  return { ...Object.fromEntries(kept), NODE_ENV: '' }
}

/** No install script of any dependency is needed: all binaries in use travel inside their packages. */
const QUIET = [
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-progress',
  '--loglevel=error',
  '--engine-strict=false',
]

/**
 * Ends npm with us: an interrupted set-up leaves nothing running.
 * @param {import('node:child_process').ChildProcess} npm
 */
const interruptible = (npm) => {
  /** @type {NodeJS.Signals | undefined} */
  let caught
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    caught = signal
    npm.kill('SIGTERM')
  }
  for (const signal of signals) process.on(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
    return caught
  }
}

/**
 * `npm install` in a folder, silent unless it fails.
 * @param {string} folder
 * @param {string[]} args
 * @param {string} what for people
 */
export const npmInstall = async (folder, args, what) => {
  const { command, first } = npmCommand()
  const options = { cwd: folder, env: environment(), shell: command === 'npm' && process.platform === 'win32' }
  const npm = spawn(command, [...first, 'install', '--prefix', folder, ...QUIET, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const release = interruptible(npm)
  let output = ''
  npm.stdout.on('data', (chunk) => (output += chunk))
  npm.stderr.on('data', (chunk) => (output += chunk))
  const ended = await new Promise((resolve) => npm.on('error', resolve).on('close', resolve))
  if (release()) throw new SetupError(`Set-up was interrupted while ${what}; the next start takes it up again.`, 130)
  if (ended instanceof Error) {
    throw new SetupError(
      `npm could not be started (${ended.message}): install npm, which comes with Node, and run the command again.`,
    )
  }
  if (ended !== 0) throw new SetupError(`Set-up failed while ${what}; npm says:\n\n${output.trim()}`)
}
