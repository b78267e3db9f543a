import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { checkPort, freePorts, host } from '../../../adapters/stack/ports.ts'
import { brokerProperties, largestBatch, propertiesText } from '../../../adapters/stack/settings.ts'
import * as topics from '../../../topics/catalogue.ts'

test('a port where somebody listens is refused with a sentence that says what to change', async () => {
  const somebody = createServer().listen(0, host)
  await once(somebody, 'listening')
  const { port } = somebody.address() as { port: number }
  const looked = checkPort(port, 'the broker', 'choose another with --broker-port')
  await expect(looked).rejects.toThrow(
    `port ${port} for the broker is in use by another program: choose another with --broker-port`,
  )
  somebody.close()
  await once(somebody, 'close')
  await expect(checkPort(port, 'the broker', '')).resolves.toBeUndefined()
})

test('free ports that are asked for together are all different', async () => {
  expect(new Set(await freePorts(50)).size).toBe(50)
})

test('the largest record of every topic fits into what the broker takes', () => {
  const room = 65_536
  const largest = Object.values(topics).flatMap((topic) => ('maxBytes' in topic ? topic.maxBytes : []))
  expect(largest.length).toBeGreaterThan(5)
  expect(Math.max(...largest) + room).toBeLessThan(largestBatch)
})

test('three brokers keep three replicas of which two must be in sync, one keeps one', () => {
  const ports = { broker: 1, controller: 2 }
  const of = (size: number) =>
    brokerProperties({ id: 1, ports, voters: Array.from({ length: size }, (_, n) => `${n}@x:1`), listeners: [] }, {})
  expect(of(3)).toMatchObject({ 'transaction.state.log.replication.factor': '3', 'min.insync.replicas': '2' })
  expect(of(1)).toMatchObject({ 'transaction.state.log.replication.factor': '1', 'min.insync.replicas': '1' })
})

test('every listener is on this machine only, and given properties have the last word', () => {
  const ports = { broker: 9092, controller: 9093 }
  const listeners = [{ name: 'SECURE', protocol: 'SASL_SSL', port: 9094 } as const]
  const made = brokerProperties({ id: 1, ports, voters: ['1@127.0.0.1:9093'], listeners }, { 'node.id': '7' })
  expect(made.listeners).toBe('PLAINTEXT://127.0.0.1:9092,SECURE://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093')
  expect(made['listener.security.protocol.map']).toContain('SECURE:SASL_SSL')
  expect(made['node.id']).toBe('7')
})

test('a value with a backslash, a line end and an umlaut is written so that Java reads the same', () => {
  expect(propertiesText({ a: 'x\\y\nü' })).toBe('a=x\\\\y\\n\\u00fc\n')
})
