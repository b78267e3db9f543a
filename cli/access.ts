/** How to reach Kafka, the registry and the servers of a reader: settings with what they name in files. Secrets stay in memory only. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { trouble } from '../adapters/files/trouble.ts'
import type { KafkaOptions } from '../adapters/kafka/log.ts'
import type { Sasl, Tls } from '../adapters/kafka/security.ts'
import { askedToken, keptToken } from '../adapters/kafka/token.ts'
import type { Source } from '../adapters/vllm/members.ts'
import type { RegistryOptions } from '../adapters/registry/index.ts'
import { Fatal, sentence } from '../runtime/errors.ts'
import type { Config } from './config.ts'

/** @throws Fatal that names the setting whose file cannot be used */
export const kafkaAccess = async ({ kafka }: Config): Promise<KafkaOptions> => {
  const tls = await tlsOf(kafka.tls)
  return {
    ...{ brokers: kafka.brokers, clientId: kafka.client_id, tls, sasl: await saslOf(kafka.sasl, tls) },
    ...(kafka.replication !== null && { replication: kafka.replication }),
  }
}

/** @throws Fatal that names the setting whose file cannot be used */
export const registryAccess = async ({ registry }: Config): Promise<RegistryOptions> => {
  const { url, username, ca, token, token_file } = registry
  const auth =
    username !== null
      ? { username, password: await passwordOf('registry', registry) }
      : token !== null
        ? { token: () => token }
        : token_file !== null
          ? { token: keptToken('registry.token_file', token_file) }
          : undefined
  if (token_file !== null) await keptToken('registry.token_file', token_file)()
  return { url, ...(auth && { auth }), ...(ca !== null && { ca: await certificates('registry.ca', ca) }) }
}

export interface VllmAccess {
  readonly source: Source
  readonly apiKey?: string
  /** File with the certificates to trust (PEM). */
  readonly ca?: string
}

/** @throws Fatal that names the setting whose file cannot be used */
export const vllmAccess = async ({ vllm }: Config): Promise<VllmAccess> => {
  const { urls, file, resolve, api_key, api_key_file, ca } = vllm
  const source: Source =
    file !== null ? { kind: 'file', path: file } : resolve ? { kind: 'dns', url: urls[0]! } : { kind: 'list', urls }
  if (file !== null) await textOf('vllm.file', file)
  const apiKey = api_key_file === null ? api_key : await contentOf('vllm.api_key_file', api_key_file, 'the key')
  if (ca !== null) await certificates('vllm.ca', ca)
  return { source, ...(apiKey !== null && { apiKey }), ...(ca !== null && { ca }) }
}

/** @throws Fatal that names the setting whose file cannot be used */
export const encoderAccess = async ({
  encoder,
}: Config): Promise<{ urls: readonly string[]; apiKey?: string; ca?: string }> => {
  const { urls, api_key, api_key_file, ca } = encoder
  const apiKey = api_key_file === null ? api_key : await contentOf('encoder.api_key_file', api_key_file, 'the key')
  if (ca !== null) await certificates('encoder.ca', ca)
  return { urls, ...(apiKey !== null && { apiKey }), ...(ca !== null && { ca }) }
}

/** A key in clear text is no secret; what does not leave this machine is. */
const isOpen = (url: string): boolean =>
  url.startsWith('http:') && !/^(127\.|localhost$|\[::1\]$)/.test(new URL(url).hostname)

const inTheOpen = ({ reader, vllm, encoder }: Config): string[] => [
  ...(reader.engine === 'vllm' &&
  (vllm.api_key ?? vllm.api_key_file) !== null &&
  vllm.file === null &&
  vllm.urls.some(isOpen)
    ? ['vllm']
    : []),
  ...(encoder.engine === 'server' && (encoder.api_key ?? encoder.api_key_file) !== null && encoder.urls.some(isOpen)
    ? ['encoder']
    : []),
]

/** `host:port`, of this machine. */
const isHere = (address: string): boolean => /^(127\.|localhost(:|$)|\[::1\])/i.test(address)

const milvusInTheOpen = ({ store, milvus }: Config): string[] => {
  const { address, password, password_file, token, token_file, tls } = milvus
  const secret = password ?? password_file ?? token ?? token_file
  return store.engine === 'milvus' && secret !== null && !tls.on && !isHere(address)
    ? ['milvus.tls.on is false and milvus.address is another machine: whoever listens can read the password or token']
    : []
}

/** What is allowed and unwise: sentences for a log. */
export const warnings = (config: Config): string[] => {
  const { engine, kafka, registry } = config
  const { tls, sasl } = kafka
  const open = inTheOpen(config).map(
    (name) => `${name}.urls holds an address with http: whoever listens can read the key`,
  )
  const said = [...open, ...milvusInTheOpen(config)]
  if (engine !== 'kafka') return said
  if (!tls.on && (sasl.mechanism === 'plain' || sasl.mechanism === 'oauthbearer'))
    said.push(`kafka.sasl.mechanism is ${sasl.mechanism} without kafka.tls.on: whoever listens can read the secret`)
  if (sasl.token_url?.startsWith('http:'))
    said.push('kafka.sasl.token_url begins with http: whoever listens can read the password')
  if (registry.url.startsWith('http:') && (registry.username ?? registry.token ?? registry.token_file) !== null)
    said.push('registry.url begins with http: whoever listens can read the password or token')
  return said
}

/** The text of a file that a setting names. */
export const textOf = async (setting: string, path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const known = trouble(path, error)
    throw new Fatal(`${setting}: ${sentence(known)}`, { cause: error })
  }
}

/** A secret that a file holds, without the end of its line. */
export const contentOf = async (setting: string, path: string, what: string): Promise<string> => {
  const text = (await textOf(setting, path)).replace(/\r?\n$/, '')
  if (text === '') throw new Fatal(`${setting}: ${path} is empty; it must hold ${what}`)
  return text
}

const passwordOf = async (
  group: string,
  { password, password_file }: { password: string | null; password_file: string | null },
): Promise<string> => {
  if (password_file === null) return password ?? ''
  return contentOf(`${group}.password_file`, password_file, 'the password')
}

/** One certificate of a PEM text, from its first line to its last. */
const block = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g

export const certificates = async (setting: string, path: string): Promise<string> => {
  const text = await textOf(setting, path)
  const found = text.match(block) ?? []
  if (found.length === 0) throw new Fatal(`${setting}: ${path} holds no certificate in PEM (BEGIN CERTIFICATE)`)
  for (const [at, each] of found.entries()) certificate(setting, `certificate ${at + 1} of ${path}`, each)
  return text
}

const certificate = (setting: string, what: string, text: string): X509Certificate => {
  try {
    return new X509Certificate(text)
  } catch (error) {
    throw new Fatal(`${setting}: ${what} cannot be read; export it anew as PEM`, { cause: error })
  }
}

/** OpenSSL's sentences name no bytes of the key, but nothing of it is repeated all the same. */
const keyOf = (path: string, key: string, passphrase: string | undefined) => {
  try {
    return createPrivateKey({ key, format: 'pem', ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    const locked = key.includes('ENCRYPTED')
    const why = !locked
      ? 'holds no private key in PEM (BEGIN PRIVATE KEY)'
      : passphrase === undefined
        ? 'is encrypted: set kafka.tls.key_password or kafka.tls.key_password_file'
        : 'cannot be opened with kafka.tls.key_password'
    throw new Fatal(`kafka.tls.key: ${path} ${why}`, { cause: error })
  }
}

const tlsOf = async (tls: Config['kafka']['tls']): Promise<Tls | undefined> => {
  if (!tls.on) return undefined
  const ca = tls.ca !== null && { ca: await certificates('kafka.tls.ca', tls.ca) }
  if (tls.cert === null || tls.key === null) return { ...ca }
  const cert = await certificates('kafka.tls.cert', tls.cert)
  const key = await textOf('kafka.tls.key', tls.key)
  const given = { password: tls.key_password, password_file: tls.key_password_file }
  const locked = (given.password ?? given.password_file) !== null
  const passphrase = locked ? await keyPassword(given) : undefined
  if (!new X509Certificate(cert).checkPrivateKey(keyOf(tls.key, key, passphrase)))
    throw new Fatal(`kafka.tls.key: ${tls.key} is not the key of the certificate in kafka.tls.cert (${tls.cert})`)
  return { ...ca, cert, key, ...(passphrase !== undefined && { passphrase }) }
}

const keyPassword = async (given: Parameters<typeof passwordOf>[1]) => passwordOf('kafka.tls.key', given)

const saslOf = async (sasl: Config['kafka']['sasl'], tls: Tls | undefined): Promise<Sasl | undefined> => {
  const { mechanism, username, token_file, token_url, scope } = sasl
  if (mechanism === null) return undefined
  if (mechanism !== 'oauthbearer')
    return { mechanism, username: username ?? '', password: await passwordOf('kafka.sasl', sasl) }
  if (token_file !== null) {
    const token = keptToken('kafka.sasl.token_file', token_file)
    await token()
    return { mechanism, token }
  }
  const password = await passwordOf('kafka.sasl', sasl)
  const who = { url: token_url ?? '', username: username ?? '', password, scope: scope ?? undefined, ca: tls?.ca }
  return { mechanism, token: askedToken(who) }
}
