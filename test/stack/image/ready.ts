/** Waits for a server in a container as the local stack waits for its own: until it does what it is for. */
import type { WaitStrategy } from 'testcontainers'
import { sentence } from '../../../runtime/errors.ts'
import { pause } from '../../../runtime/wait.ts'

type Container = Parameters<WaitStrategy['waitUntilReady']>[0]

/** Of both of its outputs, and only until now: a container that runs would go on for ever. */
const lastWords = async (container: Container): Promise<string> => {
  const said = await container.logs({ follow: false, stdout: true, stderr: true, tail: 20 })
  // Each piece of output is preceded by eight bytes that say which of the two it is, and how long.
  return (
    said
      .toString('utf8')
      .replace(/[^\x20-\x7e\n]/g, '')
      .trim() || 'it said nothing'
  )
}

/** @param patience milliseconds */
export const ready = (probe: () => Promise<void>, patience = 120_000): WaitStrategy => {
  const strategy: WaitStrategy = {
    withStartupTimeout: () => strategy,
    isStartupTimeoutSet: () => true,
    getStartupTimeout: () => patience,
    async waitUntilReady(container) {
      let last: unknown
      for (const until = Date.now() + patience; Date.now() < until; await pause(100)) {
        const { State } = await container.inspect()
        if (!State.Running) throw new Error(`it ended (${State.ExitCode}): ${await lastWords(container)}`)
        try {
          return await probe()
        } catch (error) {
          last = error
        }
      }
      throw new Error(`it was not ready within ${patience / 1000} s (${sentence(last)}): ${await lastWords(container)}`)
    },
  }
  return strategy
}
