/**
 * Where there is no broker, the tests that need one are collected and not run, under a title that says why, as the
 * closing lines of `npm test` show it; in CI their files fail.
 */
import { describe, TestRunner } from 'vitest'

type Importing = Parameters<TestRunner['importFile']>

export default class extends TestRunner {
  override importFile(...[path, source]: Importing): unknown {
    const reason = process.env['GAINSTREAM_TEST_WITHOUT']
    if (reason === undefined || source === 'setup') return super.importFile(path, source)
    if (process.env['CI']) throw new Error(`this needs a broker, and there is none: ${reason}`)
    return describe.skip(`no broker: ${reason}`, async () => {
      await super.importFile(path, source)
    })
  }
}
