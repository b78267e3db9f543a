/** What `npm pack` carries: .js and .d.ts, because Node runs no TypeScript under node_modules, and the assets beside. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Folders and files that ship as they are, at the same place relative to the code as in the checkout. */
const ASSETS = ['schemas/released', 'demo', 'python', 'dashboard/static']
const LEFT_OUT = /(^|\/)(__pycache__|\.venv|[^/]+\.egg-info|[^/]+\.pyc|tests?|[^/]+\.ts)$/

/**
 * What the compiler leaves as it stands: `new URL('./worker.ts', import.meta.url)` in code, `./x.ts` in declarations.
 * @param {string} file
 * @param {string} text
 */
const pointedAtEmitted = (file, text) =>
  file.endsWith('.d.ts')
    ? text.replace(/((?:from |import\()['"]\.{1,2}\/[^'"]+)\.ts(?=['"])/g, '$1.js')
    : text.replace(/(new URL\((['"])\.{1,2}\/[^'"]+)\.ts\2(?=, import\.meta\.url\))/g, '$1.js$2')

/** @param {string} folder */
const pointAtEmitted = (folder) => {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(js|d\.ts)$/.test(file)) continue
    const path = join(folder, file)
    const before = readFileSync(path, 'utf8')
    const after = pointedAtEmitted(file, before)
    if (after !== before) writeFileSync(path, after)
  }
}

/**
 * Emits everything that ships into a folder, and gives the compiler's exit code.
 * @param {string} root
 * @param {string} dist
 * @param {(args: string[]) => number} tsc
 */
export const build = (root, dist, tsc) => {
  rmSync(dist, { recursive: true, force: true })
  const code = tsc(['-p', 'tsconfig.build.json', '--outDir', dist])
  if (code !== 0) return code
  pointAtEmitted(dist)
  for (const asset of ASSETS) {
    const from = join(root, asset)
    if (existsSync(from)) cpSync(from, join(dist, asset), { recursive: true, filter: (path) => !LEFT_OUT.test(path) })
  }
  return 0
}
