/**
 * From `git clone` to a running command: brings Node 24 where it is missing, installs the packages of the lock where
 * they are missing, and hands over to Node 24. Plain JavaScript, because Node 20 must run it.
 *
 * When nothing is missing it only reads two small files, so it stands in front of every command.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import module from 'node:module'
import { endWithLauncher, handOver, wasHandedOver } from './bootstrap/hand-over.js'
import { ensureNode } from './bootstrap/node.js'
import { ensurePackages } from './bootstrap/packages.js'
import { explained, stateFolder } from './bootstrap/setup.js'
import { runsProject } from './bootstrap/version.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** A checkout holds sources, an installed package only what was emitted from them. */
const isCheckout = existsSync(join(root, 'cli', 'main.ts')) || !existsSync(join(root, 'dist'))

const everythingThere = async () => {
  const node = runsProject(process.versions.node) ? process.execPath : await ensureNode(stateFolder())
  if (isCheckout && !wasHandedOver()) await ensurePackages(root)
  return node
}

/**
 * Runs `main` on Node 24 with everything installed: in this process if it is fit, else in another that gets the same
 * arguments, streams and signals and whose end is this one's.
 * @param {string} entry URL of the script that calls this
 * @param {() => Promise<unknown>} main
 */
export const start = async (entry, main) => {
  try {
    const node = await everythingThere()
    if (node !== process.execPath) return await handOver(node, [fileURLToPath(entry), ...process.argv.slice(2)])
  } catch (error) {
    const known = explained(error)
    console.error(known.message)
    process.exit(known.exitCode)
  }
  endWithLauncher()
  module.enableCompileCache?.(join(stateFolder(), 'compile-cache'))
  await main()
}

/** The command line itself: sources in a checkout, emitted JavaScript in an installed package. */
export const commandLine = () => import(pathToFileURL(join(root, isCheckout ? 'cli/main.ts' : 'dist/cli/main.js')).href)
