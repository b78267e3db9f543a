import { relative } from 'node:path'

/**
 * What is used of vitest's JSON report.
 * @typedef {{ status: string, ancestorTitles: string[], title: string }} Test
 * @typedef {{ name: string, status: string, message: string, assertionResults: Test[] }} File
 * @typedef {{ testResults: File[] }} Report
 */

const SKIPPED = ['skipped', 'pending', 'todo', 'disabled']

/**
 * `N passed, N failed, N skipped`. A file that failed without a failed test (it could not even be loaded) counts as
 * one failure, so that the line never says 0 where something is wrong.
 * @param {Report} report
 */
export const closingLine = ({ testResults }) => {
  const tests = testResults.flatMap((file) => file.assertionResults)
  const count = (/** @type {string[]} */ ...states) => tests.filter(({ status }) => states.includes(status)).length
  const broken = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((t) => t.status === 'failed'),
  )
  return `${count('passed')} passed, ${count('failed') + broken.length} failed, ${count(...SKIPPED)} skipped`
}

/**
 * What was skipped, by file and outermost title: a suite that skips says why in its title.
 * @param {Report} report
 * @param {string} root
 */
export const skips = ({ testResults }, root) => {
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const { name, assertionResults } of testResults) {
    for (const { status, ancestorTitles, title } of assertionResults) {
      if (!SKIPPED.includes(status)) continue
      const outermost = ancestorTitles.find((text) => text !== '') ?? title
      const line = `${relative(root, name)}: ${outermost}`
      counts.set(line, (counts.get(line) ?? 0) + 1)
    }
  }
  return [...counts].map(([line, count]) => `SKIPPED ${count} in ${line}`)
}
