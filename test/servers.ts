/**
 * Before the tests that need a broker: starts one and a registry, or takes those that the environment names, and says
 * which. Where there are none and none can be had, the runner of these tests learns why.
 */
import { servers } from './stack/servers.ts'

export default async (): Promise<(() => Promise<void>) | undefined> => {
  const { env } = process
  if (env.GAINSTREAM_TEST_BROKERS) {
    console.log(`The broker of the tests: ${env.GAINSTREAM_TEST_BROKERS}, as the environment says.`)
    return undefined
  }
  const found = await servers()
  if ('reason' in found) {
    console.log(
      `${env.CI ? 'FAILED' : 'SKIPPED'}: all tests that need a broker, because there is none: ${found.reason}`,
    )
    env.GAINSTREAM_TEST_WITHOUT = found.reason
    return undefined
  }
  console.log(`The broker of the tests: ${found.brokers}, ${found.kind}.`)
  env.GAINSTREAM_TEST_BROKERS = found.brokers
  env.GAINSTREAM_TEST_REGISTRY = found.registry
  return () => found.stop()
}
