/** Settings of the servers that the distributed engine stands on, and of what a worker says of itself. */
import { z } from 'zod'
import { checkMilvus, checkRegistry, checkSasl, checkStore, checkTls, checkVllm } from './combinations.ts'
import { addresses, split } from './addresses.ts'
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

const brokers = z
  .preprocess(split, z.array(z.string().regex(/^.+:\d+$/, 'must be host:port')).min(1))
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

const vllmUrls = addresses('http://127.0.0.1:8000', 'vllm.api_key')

/** Only what a server cannot be seen to do is asked for: the rest it says itself, and is probed for. */
export const vllm = z
  .strictObject({
    urls: vllmUrls.describe('servers, with or without /v1; one text with commas will do'),
    file: text.describe('instead: a file with one server a line, read again when it changes'),
    resolve: z.boolean().default(false).describe('each address of the name in urls is a server'),
    model: text.describe('name under which it is served; null: the only one that is'),
    tokenizer: text.describe('tokenizer.json or its folder, of the same model; null: the server is asked'),
    context: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('tokens of prompt and answer; null: what the server takes'),
    api_key: secret.describe('better from the environment (GAINSTREAM_VLLM__API_KEY) or a file'),
    api_key_file: text.describe('a file that holds nothing else'),
    ca: text.describe('file with the certificates to trust (PEM); null: those of Node'),
    concurrency: z
      .strictObject({
        start: z.int().min(1).default(2),
        max: z.int().min(1).default(8),
      })
      .prefault({})
      .describe('queries under way at each server: where it begins, and where it stops to grow'),
    timeout: z
      .number()
      .refine((seconds) => seconds > 0, 'must be more than 0')
      .default(120)
      .describe('seconds of one query at a server'),
  })
  .superRefine(checkVllm)
  .prefault({})

const positive = (what: z.ZodNumber) => what.refine((value) => value > 0, 'must be more than 0')

/** Where passages lie with their vectors. */
export const store = z
  .strictObject({
    engine: z.enum(['embedded', 'milvus']).default('embedded').describe('files of this machine, or Milvus'),
    collection: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'may hold letters, digits and underscores only, no digit first')
      .nullable()
      .default(null)
      .describe('name under which searches find the current collection; null: <prefix>_passages'),
    index: z
      .enum(['auto', 'flat', 'hnsw', 'ivf_rabitq', 'diskann'])
      .default('auto')
      .describe('of a new collection; auto: by its size. Embedded: auto and flat are exact, hnsw needs usearch'),
  })
  .superRefine(checkStore)
  .prefault({})

export const milvus = z
  .strictObject({
    address: z
      .string()
      .regex(/^[^/@\s]+:\d+$/, 'must be host:port')
      .default('127.0.0.1:19530'),
    database: text.describe('null: the default one'),
    username: text,
    password: secret.describe('better from the environment (GAINSTREAM_MILVUS__PASSWORD) or a file'),
    password_file: text.describe('a file that holds nothing else'),
    token: secret.describe('instead of user and password, e.g. of a managed service'),
    token_file: text.describe('a file that holds nothing else'),
    tls: z
      .strictObject({
        on: z.boolean().default(false).describe("the server's certificate and its name are always verified"),
        ca: text.describe('file with the certificates to trust (PEM); null: those of the system'),
        cert: text.describe('file with the certificate of this client (PEM), for mutual TLS'),
        key: text.describe('file with its private key (PEM)'),
        server_name: text.describe('that the certificate is for, where it is not that of the address'),
      })
      .superRefine(checkTls)
      .prefault({}),
    timeout: positive(z.number()).default(120).describe('seconds of one call'),
  })
  .superRefine(checkMilvus)
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
