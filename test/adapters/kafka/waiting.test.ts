import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openKafkaLog } from '../../../adapters/kafka/log.ts'

/** A port of this machine where nobody listens. */
const closedPort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

test('while no broker answers, that is said once, and in the end what to do', async () => {
  const broker = `127.0.0.1:${await closedPort()}`
  const said: string[] = []
  const onWaiting = (why: string) => void said.push(why)
  await expect(openKafkaLog({ brokers: [broker], patience: 1000, onWaiting })).rejects.toThrow(
    /ECONNREFUSED.*; check kafka\.brokers, or start one on this machine with gainstream up$/,
  )
  expect(said).toEqual([
    `no broker answers at ${broker} (Connection error: connect ECONNREFUSED ${broker}); waiting up to 1 s for it`,
  ])
})
