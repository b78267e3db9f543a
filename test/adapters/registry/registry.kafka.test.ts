/** The adapter against a live registry; a plain server stands in front of it where it must fail, hide or be slow. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { confluentRegistry } from '../../../adapters/registry/index.ts'
import { subjects } from '../../../adapters/registry/subjects.ts'
import { Fatal, Rejected, Unavailable } from '../../../runtime/errors.ts'
import { authority } from '../kafka/authority.ts'
import { front as inFront, url } from './front.ts'

const subject = () => `t${randomUUID().slice(0, 8)}.registry-value`
const record = (...fields: object[]) => ({ type: 'record', name: 'P', namespace: 'test', fields })
const text = { name: 'a', type: 'string' }
const number = { name: 'a', type: 'int' }
const added = { name: 'b', type: 'string', default: '' }

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const front = async (...given: Parameters<typeof inFront>) => {
  const made = await inFront(...given)
  closers.push(made.close)
  return made
}
const answering = (status: number, body: string) => (_: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(body)

const failure = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  )

describe('what is registered and what is only looked for', () => {
  test('a schema is registered once, under a subject that every version must understand from the first on', async () => {
    const name = subject()
    const make = confluentRegistry({ url, create: true })
    const id = await make.register(name, record(text))
    expect(await make.register(name, record(text))).toBe(id)
    expect(await subjects({ url }).level(name)).toBe('FULL_TRANSITIVE')
    expect(await subjects({ url }).versions(name)).toEqual([{ version: 1, schema: record(text) }])
    expect(await make.schema(id)).toEqual({ type: 'record', name: 'test.P', fields: [text] })
    expect(await confluentRegistry({ url }).register(name, record(text))).toBe(id)
  })

  test('the level is set before the first schema, so that no second one can slip in between', async () => {
    const { url: through, asked } = await front()
    await confluentRegistry({ url: through, create: true }).register(subject(), record(text))
    const changes = asked.filter(({ method, path }) => method === 'PUT' || path.endsWith('/versions'))
    expect(changes.map(({ method }) => method)).toEqual(['PUT', 'POST'])
  })

  test('a worker registers nothing, and says which command does', async () => {
    const name = subject()
    const error = await failure(confluentRegistry({ url }).register(name, record(text)))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(
      `the schema registry at ${url} does not have this version's schema of ${name}: ` +
        'gainstream topics apply --execute registers what a stream needs',
    )
    expect(await subjects({ url }).versions(name)).toEqual([])
  })

  test('an incompatible schema is refused with the subject and what the registry said', async () => {
    const name = subject()
    const make = confluentRegistry({ url, create: true })
    await make.register(name, record(text))
    const error = await failure(make.register(name, record(number)))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toMatch(new RegExp(`^the schema registry at \\S+ refuses the schema of ${name}: Incompat`))
    expect(await subjects({ url }).takes(name, record(number))).toBe(false)
    expect(await subjects({ url }).takes(name, record(text, added))).toBe(true)
  })

  test('a field added with a default is another version, and both are found', async () => {
    const name = subject()
    const make = confluentRegistry({ url, create: true })
    const first = await make.register(name, record(text))
    const second = await make.register(name, record(text, added))
    expect(second).not.toBe(first)
    expect(await make.register(name, record(text))).toBe(first)
    expect((await subjects({ url }).versions(name)).map(({ version }) => version)).toEqual([1, 2])
  })

  test('an id that nobody was given is the record’s fault', async () => {
    const error = await failure(confluentRegistry({ url }).schema(2_000_000_000))
    expect(error).toBeInstanceOf(Rejected)
    expect(error.message).toBe(`the schema registry at ${url} has no schema with the id 2000000000`)
  })

  test('a schema of another language is the record’s fault, too', async () => {
    const body = JSON.stringify({ schema: '{"type":"object"}', schemaType: 'JSON' })
    const registered = await fetch(`${url}/subjects/${subject()}/versions`, {
      ...{ method: 'POST', body, headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' } },
    })
    const { id } = (await registered.json()) as { id: number }
    const error = await failure(confluentRegistry({ url }).schema(id))
    expect(error).toBeInstanceOf(Rejected)
    expect(error.message).toContain(`schema ${id} of the registry at ${url} is no Avro schema`)
  })
})

describe('a registry that is not there', () => {
  test('a lane hears at once that it is away, and what it asks later is answered', async () => {
    const gone = await front()
    const registry = confluentRegistry({ url: gone.url, create: true })
    const id = await registry.register(subject(), record(text))
    await gone.close()
    const error = await failure(registry.schema(2_000_000_001))
    expect(error).toBeInstanceOf(Unavailable)
    expect(error.message).toBe(`the schema registry at ${gone.url} does not answer (ECONNREFUSED)`)
    expect((error as Unavailable).endpoint).toBe('registry')
    await front(undefined, gone.port)
    expect(await registry.schema(id)).toEqual({ type: 'record', name: 'test.P', fields: [text] })
  })

  test('who starts while it is away waits with one line, and goes on when it is back', async () => {
    const gone = await front()
    await gone.close()
    const said: string[] = []
    const logger = { warn: (_: object, message: string) => void said.push(message) }
    const registering = confluentRegistry({ url: gone.url, create: true, logger }).register(subject(), record(text))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await front(undefined, gone.port)
    expect(await registering).toBeGreaterThan(0)
    expect(said).toEqual([
      `the schema registry at ${gone.url} does not answer (ECONNREFUSED); waiting up to 60 s for it`,
    ])
  })

  test('patience ends with the sentence', async () => {
    const gone = await front()
    await gone.close()
    const error = await failure(confluentRegistry({ url: gone.url, patience: 300 }).register('x', record(text)))
    expect(error).toBeInstanceOf(Unavailable)
  })

  test('one that never answers is given up after the time limit', async () => {
    const { url: silent } = await front(() => {})
    const before = performance.now()
    const error = await failure(confluentRegistry({ url: silent, timeout: 300 }).schema(1))
    expect(error).toBeInstanceOf(Unavailable)
    expect(error.message).toBe(`the schema registry at ${silent} does not answer within 300 ms`)
    expect(performance.now() - before).toBeLessThan(3000)
  })

  test.each([500, 502, 503, 429, 408])('status %i is waited for', async (status) => {
    const { url: sick } = await front(answering(status, '{"error_code":50001,"message":"no storage"}'))
    const error = await failure(confluentRegistry({ url: sick }).schema(1))
    expect(error).toBeInstanceOf(Unavailable)
    expect(error.message).toBe(`the schema registry at ${sick} is not well (${status}: no storage)`)
  })

  test('an address without the API is a setting to be mended, not a schema that is missing', async () => {
    const wrong = new URL(url).origin
    const error = await failure(confluentRegistry({ url: wrong }).register('x-value', record(text)))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toMatch(/^at \S+ is no schema registry with the Confluent API \(404 .*: check registry\.url$/)
  })
})

describe('who asks', () => {
  const password = 'hunter2-the-secret'

  test('a name and a password go with every request', async () => {
    const { url: through, asked } = await front()
    const auth = { username: 'ann', password }
    await confluentRegistry({ url: through, auth, create: true }).register(subject(), record(text))
    const basic = `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`
    expect(asked.length).toBeGreaterThan(3)
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set([basic]))
  })

  test('a token is asked for before each request', async () => {
    const { url: through, asked } = await front()
    let given = 0
    const auth = { token: async () => `token-${++given}` }
    await confluentRegistry({ url: through, auth, create: true }).register(subject(), record(text))
    expect(asked.map(({ authorization }) => authorization)).toEqual(asked.map((_, i) => `Bearer token-${i + 1}`))
  })

  test('credentials in the address are used and never shown', async () => {
    const { url: through, asked } = await front(answering(401, '{"error_code":401,"message":"no"}'))
    const address = through.replace('http://', `http://ann:${password}@`)
    const error = await failure(confluentRegistry({ url: address }).schema(1))
    expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from(`ann:${password}`).toString('base64')}`)
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(
      `the schema registry at ${through} does not accept who asks (401): ` +
        'set registry.username with registry.password, or registry.token',
    )
  })

  test.each([401, 403, 404, 409, 422, 500, 400])('no secret is in what %i leads to', async (status) => {
    const { url: through } = await front(answering(status, '{"error_code":40000,"message":"no"}'))
    const auth = { username: 'ann', password }
    const registry = confluentRegistry({ url: through, auth, create: true, patience: 0 })
    for (const work of [registry.schema(1), registry.register('x-value', record(text))]) {
      const shown = inspect(await failure(work), { depth: 20 })
      expect(shown).toMatch(/Fatal|Unavailable|Rejected/)
      expect(shown).not.toContain(password)
      expect(shown).not.toContain(Buffer.from(`ann:${password}`).toString('base64'))
    }
  })

  test('who may not is told what is not allowed', async () => {
    const { url: through } = await front(answering(403, '{"error_code":40301,"message":"no"}'))
    const error = await failure(confluentRegistry({ url: through }).schema(7))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toBe(
      `the schema registry at ${through} does not allow GET /schemas/ids/7 (403): give this user the permission`,
    )
  })
})

describe('over TLS', () => {
  const here = mkdtempSync(join(tmpdir(), 'gainstream-registry-'))
  afterAll(() => rmSync(here, { recursive: true }))
  const root = authority(here, 'root')

  test('a registry whose authority is named is trusted, and another is not', async () => {
    const { url: over } = await front(undefined, 0, root.issue('registry', 'IP:127.0.0.1'))
    const trusting = confluentRegistry({ url: over, ca: root.cert, create: true })
    expect(await trusting.register(subject(), record(text))).toBeGreaterThan(0)
    const error = await failure(confluentRegistry({ url: over }).register('x-value', record(text)))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toMatch(
      /^the certificate of the schema registry at https:\S+ is not trusted \([A-Z_]+\): name its authority with registry\.ca$/,
    )
  })

  test('a certificate made for another name is not trusted', async () => {
    const { url: over } = await front(undefined, 0, root.issue('other', 'DNS:elsewhere.test'))
    const error = await failure(confluentRegistry({ url: over, ca: root.cert }).schema(1))
    expect(error.message).toMatch(/is made for other names: ask for it by one of them in registry\.url$/)
  })

  test('https where only http is spoken is a setting to be mended', async () => {
    const { url: without } = await front()
    const error = await failure(confluentRegistry({ url: without.replace('http:', 'https:') }).schema(1))
    expect(error).toBeInstanceOf(Fatal)
    expect(error.message).toMatch(/does not speak TLS: check registry\.url$/)
  })
})
