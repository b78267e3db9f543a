/**
 * Where a server that tests need is not there, they are collected and not run, under a title that says why, as the
 * closing lines of `npm test` show it; in CI their files fail.
 */
import { describe, TestRunner } from 'vitest'

type Importing = Parameters<TestRunner['importFile']>

/** @param variable of the environment: why there is no `server` */
export const runnerWithout = (variable: string, server: string) =>
  class extends TestRunner {
    override importFile(...[path, source]: Importing): unknown {
      const reason = process.env[variable]
      if (reason === undefined || source === 'setup') return super.importFile(path, source)
      if (process.env['CI']) throw new Error(`this needs ${server}, and there is none: ${reason}`)
      return describe.skip(`no ${server.replace(/^an? /, '')}: ${reason}`, async () => {
        await super.importFile(path, source)
      })
    }
  }
