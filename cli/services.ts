/** Settings of the servers that the distributed engine stands on, and of what a worker says of itself. */
import { z } from 'zod'

const text = z.string().min(1).nullable().default(null)
const port = z.int().min(1).max(65_535)

/** A list, or one text with commas: so that it can be given by flag and by environment. */
const brokers = z
  .preprocess(
    (given) => (typeof given === 'string' ? given.split(',').map((each) => each.trim()) : given),
    z.array(z.string().regex(/^.+:\d+$/, 'must be host:port')).min(1),
  )
  .default(['127.0.0.1:9092'])

export const kafka = z
  .strictObject({
    brokers: brokers.describe('bootstrap servers, host:port'),
    client_id: z.string().min(1).default('gainstream'),
    replication: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('of topics that are made; null: what the brokers say'),
    tls: z
      .strictObject({
        on: z.boolean().default(false),
        ca: text.describe('file with the certificates to trust; null: those of the system'),
        cert: text.describe('file with the certificate of this client, for mutual TLS'),
        key: text.describe('file with its private key'),
      })
      .prefault({}),
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer']).nullable().default(null),
        username: text,
        password: text.describe('better from the environment (GAINSTREAM_KAFKA__SASL__PASSWORD) or a file'),
        password_file: text,
        token_file: text.describe('oauthbearer: a file that something else keeps fresh'),
        token_url: text.describe('oauthbearer: where a token is asked for with username and password'),
        scope: text,
      })
      .prefault({}),
  })
  .prefault({})

export const registry = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8081/apis/ccompat/v7'),
    username: text,
    password: text,
    password_file: text,
    token: text.describe('bearer token'),
    token_file: text,
    ca: text.describe('file with the certificates to trust'),
  })
  .prefault({})

export const observe = z
  .strictObject({
    port: port.nullable().default(null).describe('serves /metrics, /healthz and /readyz; null: nowhere'),
    host: z.string().default('127.0.0.1'),
    traces: z
      .url({ protocol: /^https?$/ })
      .nullable()
      .default(null)
      .describe('where OpenTelemetry spans are sent (OTLP over HTTP)'),
  })
  .prefault({})

export const price = z
  .strictObject({
    reader_hour: z.number().min(0).nullable().default(null).describe('what an hour of the reader costs'),
    currency: z.string().min(1).default('USD'),
  })
  .prefault({})
