/** Settings of the servers that the distributed engine stands on, and of what a worker says of itself. */
import { z } from 'zod'
import { checkRegistry, checkSasl, checkTls } from './combinations.ts'
import { stars } from './secrets.ts'

const text = z.string().min(1).nullable().default(null)
/** What `config show` prints for a secret is no secret, when it is given back as a file. */
const secret = z
  .string()
  .min(1)
  .refine((given) => given !== stars, 'stands for a secret that was not shown: give the secret itself')
  .nullable()
  .default(null)
const web = z.url({ protocol: /^https?$/, error: 'must be an address that begins with http:// or https://' })
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
        on: z.boolean().default(false).describe('certificates of brokers and their names are always verified'),
        ca: text.describe('file with the certificates to trust (PEM); null: those of Node and of the system'),
        cert: text.describe('file with the certificate of this client (PEM), for mutual TLS'),
        key: text.describe('file with its private key (PEM)'),
        key_password: secret.describe('of an encrypted key'),
        key_password_file: text,
      })
      .superRefine(checkTls)
      .prefault({}),
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer']).nullable().default(null),
        username: text,
        password: secret.describe('better from the environment (GAINSTREAM_KAFKA__SASL__PASSWORD) or a file'),
        password_file: text.describe('a file that holds nothing else'),
        token_file: text.describe('oauthbearer: a file that something else keeps fresh'),
        token_url: web
          .nullable()
          .default(null)
          .describe('oauthbearer: where a token is asked for with username and password'),
        scope: text.describe('oauthbearer: what the token is asked for'),
      })
      .superRefine(checkSasl)
      .prefault({}),
  })
  .prefault({})

export const registry = z
  .strictObject({
    url: web.default('http://127.0.0.1:8081/apis/ccompat/v7'),
    username: text,
    password: secret.describe('better from the environment (GAINSTREAM_REGISTRY__PASSWORD) or a file'),
    password_file: text.describe('a file that holds nothing else'),
    token: secret.describe('bearer token; better from the environment or a file'),
    token_file: text.describe('read again for each request'),
    ca: text.describe('file with the certificates to trust (PEM); null: those of Node'),
  })
  .superRefine(checkRegistry)
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
    sample: z.number().min(0).max(1).default(1).describe('share of the traces that begin here which are kept'),
  })
  .prefault({})

export const price = z
  .strictObject({
    reader_hour: z.number().min(0).nullable().default(null).describe('what an hour of the reader costs'),
    currency: z.string().min(1).default('USD'),
  })
  .prefault({})
