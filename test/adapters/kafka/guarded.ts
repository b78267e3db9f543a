/** A broker that trusts nobody: TLS, four ways to say who one is, and access control lists. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { freePorts, programs, startBroker, type Broker } from '../../../adapters/stack/index.ts'
import { home } from '../../../cli/config.ts'
import { audience, authority, issuer, tokens, type Authority, type Certificate, type Tokens } from './authority.ts'

export const passwords = { acme: 'acme-p=w0rd#1', bolt: 'bolt-s3cret' } as const
/** Milliseconds after which a client has to say anew who it is. */
export const session = 2_500

export interface Guarded {
  readonly broker: Broker
  /** `host:port` where clients say who they are, and where their certificate says it. */
  readonly address: string
  readonly mutual: string
  readonly ca: Authority
  readonly server: Certificate
  readonly client: Certificate
  readonly tokens: Tokens
  readonly folder: string
  /** Grants a user everything under a prefix, as an administrator does. */
  grant(user: string, prefix: string): Promise<void>
  stop(): Promise<void>
}

const packages = 'org.apache.kafka.common.security'
const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`
const known = Object.entries(passwords)

const loginModules = {
  'plain.sasl.jaas.config': `${packages}.plain.PlainLoginModule required ${known
    .map(([user, password]) => `user_${user}=${quoted(password)}`)
    .join(' ')};`,
  'scram-sha-256.sasl.jaas.config': `${packages}.scram.ScramLoginModule required;`,
  'scram-sha-512.sasl.jaas.config': `${packages}.scram.ScramLoginModule required;`,
  'scram-sha-512.connections.max.reauth.ms': String(session),
  'oauthbearer.sasl.jaas.config': `${packages}.oauthbearer.OAuthBearerLoginModule required;`,
  'oauthbearer.sasl.server.callback.handler.class': `${packages}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
  'oauthbearer.connections.max.reauth.ms': '3600000',
}

const keystore = ({ cert, key }: Certificate, ca: Certificate) => ({
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.certificate.chain': cert,
  'ssl.keystore.key': key,
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': ca.cert,
})

const under = (listener: string, properties: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(properties).map(([name, value]) => [`listener.name.${listener}.${name}`, value]))

const propertiesOf = (server: Certificate, ca: Certificate, keys: string) => ({
  ...under('said', {
    ...keystore(server, ca),
    ...loginModules,
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
  }),
  ...under('shown', {
    ...keystore(server, ca),
    'ssl.client.auth': 'required',
    'ssl.principal.mapping.rules': 'RULE:^CN=([a-z]+)$/$1/,DEFAULT',
  }),
  'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(keys).href,
  'sasl.oauthbearer.expected.audience': audience,
  'sasl.oauthbearer.expected.issuer': issuer,
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  // The listener without TLS is this test's own way in, and the broker's.
  'super.users': 'User:ANONYMOUS',
})

const scram = known.flatMap(([user, password]) =>
  ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${user},password=${quoted(password)}]`,
  ]),
)

/** The JVM takes this from its environment, also when it starts again: a broker reads keys only from where it may. */
const allow = (keys: string) => {
  process.env.JAVA_TOOL_OPTIONS = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${pathToFileURL(keys).href}`
}

export const guarded = async (): Promise<Guarded> => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-guarded-'))
  const ca = authority(folder, 'authority')
  const server = ca.issue('broker', 'IP:127.0.0.1')
  const client = ca.issue('acme', 'DNS:acme')
  const signed = tokens(folder)
  const { java, jars } = await programs({ home: home(process.env), registry: false })
  const [plain, controller, said, shown] = (await freePorts(4)) as [number, number, number, number]
  allow(signed.keys)
  const broker = await startBroker({
    ...{ folder: join(folder, 'broker'), java, jars, ports: { broker: plain, controller }, heap: '384m' },
    listeners: [
      { name: 'SAID', protocol: 'SASL_SSL', port: said },
      { name: 'SHOWN', protocol: 'SSL', port: shown },
    ],
    properties: propertiesOf(server, ca, signed.keys),
    format: scram,
  })
  return {
    ...{ broker, ca, server, client, tokens: signed, folder },
    ...{ address: `127.0.0.1:${said}`, mutual: `127.0.0.1:${shown}` },
    async grant(user, prefix) {
      const everything = ['--topic', '--group', '--transactional-id'].flatMap((kind) => [kind, `${prefix}.`])
      const { code, stderr } = await broker.tool('org.apache.kafka.tools.AclCommand', [
        ...['--bootstrap-server', broker.address, '--add', '--allow-principal', `User:${user}`],
        ...['--operation', 'All', ...everything, '--resource-pattern-type', 'prefixed'],
      ])
      if (code !== 0) throw new Error(`kafka-acls failed: ${stderr}`)
    },
    async stop() {
      await broker.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
