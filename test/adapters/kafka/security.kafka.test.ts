import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openKafkaLog, type KafkaOptions } from '../../../adapters/kafka/log.ts'
import { plain } from '../../../adapters/kafka/security.ts'
import { Fatal } from '../../../runtime/errors.ts'
import type { Claim, Log } from '../../../runtime/log.ts'
import { eventually, idOf, opened, out, readAll, settledOnce, sleep, spec } from '../../conformance/tools.ts'
import { never } from '../../runtime/records.ts'
import { clientsOf, type Clients, type Settings } from './clients.ts'
import { copied, ids } from './copying.ts'
import { guarded, passwords, session, type Guarded } from './guarded.ts'
import { brisk } from './storage.ts'
import { tokenServer, type TokenServer } from './token-server.ts'

let it: Guarded
let idp: TokenServer
let clients: Clients
const logs: Log[] = []

const access: Clients['access'] = (...all) => clients.access(...all)
const user: Clients['user'] = (...all) => clients.user(...all)
const file: Clients['file'] = (...all) => clients.file(...all)
const open: Clients['open'] = (...all) => clients.open(...all)
const token = (name: string, seconds: number) => file(name, `${it.tokens.token('acme', seconds)}\n`)

beforeAll(async () => {
  it = await guarded()
  clients = clientsOf(it)
  const certificate = it.ca.issue('tokens', 'IP:127.0.0.1')
  idp = await tokenServer(certificate, 'worker', 'cl1ent:s3cret', (seconds) => it.tokens.token('acme', seconds))
  await it.grant('acme', 'acme')
})
afterAll(async () => {
  await clients.close()
  await Promise.all(logs.map((log) => log.close()))
  await idp.close()
  await it.stop()
})

const oauth = (settings: Settings) => ({ 'kafka.sasl.mechanism': 'oauthbearer', ...settings })
const asked = (password = 'cl1ent:s3cret') =>
  oauth({
    ...{ 'kafka.sasl.token_url': idp.url, 'kafka.sasl.username': 'worker', 'kafka.sasl.password': password },
    'kafka.sasl.scope': 'stream',
  })
const mutual = () => ({
  ...{ 'kafka.brokers': it.mutual, 'kafka.tls.cert': it.client.files.cert, 'kafka.tls.key': it.client.files.key },
})

describe('records are copied exactly once over TLS by', () => {
  const password = { GAINSTREAM_KAFKA__SASL__PASSWORD: passwords.acme }
  test.each<[string, () => Promise<KafkaOptions>]>([
    ['plain, its password from the environment', () => access({ ...user('acme', 'plain', '') }, password)],
    [
      'scram-sha-256, its password from a file',
      () =>
        access({ ...user('acme', 'scram-sha-256', ''), 'kafka.sasl.password_file': file('p', `${passwords.acme}\n`) }),
    ],
    ['scram-sha-512, in sessions that end', () => access(user('acme', 'scram-sha-512'))],
    ['oauthbearer, its token from a file', () => access(oauth({ 'kafka.sasl.token_file': token('t', 60) }))],
    ['oauthbearer, its token asked for with a password', () => access(asked())],
    ['a certificate of its own', () => access(mutual())],
  ])('%s', async (name, options) => {
    const stream = name.replace(/\W+/g, '-')
    expect(await copied(await options(), 'acme', stream)).toEqual(ids())
  })
})

describe.concurrent('who does not fit is told why, in one sentence', () => {
  const secret = 'hunter2-secret'
  const said = /^connecting: Kafka does not accept who this client says that it is \(.*\): check kafka\.sasl$/
  test.each<[string, () => Settings, RegExp]>([
    ['a wrong password for plain', () => user('acme', 'plain', secret), said],
    ['a wrong password for scram-sha-256', () => user('acme', 'scram-sha-256', secret), said],
    ['a wrong password for scram-sha-512', () => user('acme', 'scram-sha-512', secret), said],
    ['a token that nobody signed', () => oauth({ 'kafka.sasl.token_file': file('forged', `${secret}.e30.x`) }), said],
    [
      'a client that may have no token',
      () => asked(secret),
      /^kafka\.sasl\.token_url: .* refuses a token \(401\); check kafka\.sasl\.username, password and scope$/,
    ],
    [
      'a broker whose authority is unknown',
      () => ({ ...user('acme', 'plain', secret), 'kafka.tls.ca': '' }),
      /^connecting: the certificate of broker \S+ is not trusted \(\w+\): set kafka\.tls\.ca to a file with the certificate of who signed it$/,
    ],
    [
      'a broker under a name that is not in its certificate',
      () => ({ ...user('acme', 'plain', secret), 'kafka.brokers': it.address.replace('127.0.0.1', 'localhost') }),
      /^connecting: the certificate of broker localhost:\d+ is made for other names: use one of them in kafka\.brokers/,
    ],
    [
      'a broker that wants to see a certificate',
      () => ({ 'kafka.brokers': it.mutual }),
      /^connecting: broker \S+ ended the TLS handshake .* set kafka\.tls\.cert and kafka\.tls\.key/,
    ],
    [
      'a broker that wants a certificate and no password',
      () => ({ ...user('acme', 'plain', secret), ...mutual() }),
      /^connecting: the broker (expects no kafka\.sasl there|does not offer kafka\.sasl\.mechanism there)/,
    ],
  ])('%s', async (_name, settings, sentence) => {
    const started = Date.now()
    const error = await open(await access(settings())).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    )
    expect(error).toBeInstanceOf(Fatal)
    expect(error?.message).toMatch(sentence)
    expect(error?.message).not.toContain('\n')
    expect(`${error?.stack} ${JSON.stringify(error)} ${String(error?.cause)}`).not.toContain(secret)
    expect(Date.now() - started).toBeLessThan(10_000)
  })

  test.each<[string, () => Settings]>([
    ['TLS where the broker has none', () => ({ 'kafka.brokers': it.broker.address })],
    ['no TLS where the broker wants it', () => ({ 'kafka.tls.on': false, 'kafka.tls.ca': '' })],
  ])('%s, once patience has ended', async (_name, settings) => {
    await expect(open(await access(settings()))).rejects.toThrow(
      'check the port in kafka.brokers, kafka.tls.on and kafka.sasl.mechanism',
    )
  })
})

describe.concurrent('a session that ends', () => {
  test.each<[string, () => Settings]>([
    ['with a password', () => user('acme', 'scram-sha-512')],
    ['with a token that is asked for anew', () => asked()],
  ])('is renewed %s on the connections that there are, and nothing is interrupted', async (_name, settings) => {
    const sockets: Socket[] = []
    const connect: typeof plain = (to) => {
      const socket = plain(to)
      sockets.push(socket)
      return socket
    }
    const log = await open({ ...(await access(settings())), connect })
    const topic = `acme.sessions.${settings()['kafka.sasl.mechanism']}`
    await log.apply([spec(topic)])
    const claims: Claim[] = []
    const member = { group: `${topic}.group`, topic, onClaim: (each: Claim) => void claims.push(each) }
    await log.join({ ...member, onFailure: (error) => expect.fail(error.message) })
    const claim = await eventually('a claim', 10_000, () => claims[0])
    await claim.open(never)
    const outcomes: string[] = []
    const settle = async (position: number) => {
      const settled = { position, note: '' }
      outcomes.push((await claim.settle({ records: [out(topic, `n${position}`)], settled })).kind)
      await claim.take(position, { records: 1, bytes: 1_000 }, never)
    }
    await settle(0)
    const [before, until] = [sockets.length, Date.now() + 3 * session]
    for (let at = 1; Date.now() < until; at++) {
      await settle(at)
      await sleep(50)
    }
    expect(new Set(outcomes)).toEqual(new Set(['done']))
    expect([claim.lost.aborted, claims.length, sockets.length]).toEqual([false, 1, before])
  })
})

test('a broker that is killed and comes back is no stranger: what was under way goes on', async () => {
  const seats = await Promise.all(
    [user('acme', 'plain'), user('acme', 'scram-sha-512'), asked()].map(async (settings, at) => {
      const log = await openKafkaLog({ ...(await access(settings)), ...brisk })
      logs.push(log)
      await log.apply([spec(`acme.killed.n${at}`)])
      const seat = log.source('acme.killed.ingest', `n${at}`)
      await opened(seat)
      return { log, seat, topic: `acme.killed.n${at}` }
    }),
  )
  const writing = seats.map(async ({ log, seat, topic }) => {
    for (let at = 0; at < 40; at++)
      await settledOnce(seat, { records: [out(topic, `n${at}`)], settled: { position: at, note: '' } })
    return new Set((await readAll(log, topic)).map(idOf)).size
  })
  it.broker.kill('SIGKILL')
  await eventually('its end', 10_000, () => (it.broker.pid === undefined ? true : undefined))
  await it.broker.start()
  expect(await Promise.all(writing)).toEqual([40, 40, 40])
})
