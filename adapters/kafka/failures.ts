/** What Kafka's error codes mean to a stream. */
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'

/** An error and its causes, the outermost first: kafkajs wraps what its retries gave up on. */
const chain = (error: unknown, depth = 0): Error[] => {
  if (!(error instanceof Error) || depth > 5) return []
  const parts = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  return [error, ...parts.flatMap((each) => chain(each, depth + 1)), ...chain(error.cause, depth + 1)]
}

const codes = (error: unknown): string[] =>
  chain(error).flatMap((each) => {
    const unknown = /Unknown error code (\d+)/.exec(each.message)?.[1]
    return ['type' in each && typeof each.type === 'string' ? each.type : [], unknown ?? []].flat()
  })

const is = (error: unknown, ...names: readonly string[]) => codes(error).some((code) => names.includes(code))

/** 90 is PRODUCER_FENCED, which kafkajs does not know. */
export const isFenced = (error: unknown) => is(error, 'INVALID_PRODUCER_EPOCH', '90')
export const isConcurrent = (error: unknown) => is(error, 'CONCURRENT_TRANSACTIONS')
export const isExpelled = (error: unknown) => is(error, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID')
export const isRebalancing = (error: unknown) => is(error, 'REBALANCE_IN_PROGRESS')
export const isOutOfRange = (error: unknown) => is(error, 'OFFSET_OUT_OF_RANGE')
export const isAbsent = (error: unknown) => is(error, 'UNKNOWN_TOPIC_OR_PARTITION')
export const isNonEmpty = (error: unknown) => is(error, 'NON_EMPTY_GROUP')
export const isNoGroup = (error: unknown) => is(error, 'GROUP_ID_NOT_FOUND')
export const isInconsistent = (error: unknown) => is(error, 'INCONSISTENT_GROUP_PROTOCOL')
/** Nothing that is wrong with the batch will be right the next time. */
export const isRefused = (error: unknown) =>
  is(
    error,
    'MESSAGE_TOO_LARGE',
    'RECORD_LIST_TOO_LARGE',
    'INVALID_RECORD',
    'INVALID_TIMESTAMP',
    'OFFSET_METADATA_TOO_LARGE',
  )

const impossible = [
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_CONFIG',
  'POLICY_VIOLATION',
  'INVALID_SESSION_TIMEOUT',
  'INVALID_TRANSACTION_TIMEOUT',
  'INVALID_GROUP_ID',
  'UNSUPPORTED_VERSION',
]

/** What an access control list must grant, per code of a refusal. */
const rights: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: 'a topic that is named here (kafka-acls: --operation All --topic',
  GROUP_AUTHORIZATION_FAILED: 'this group (kafka-acls: --operation All --group',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'this transactional id (kafka-acls: --operation All --transactional-id',
}
const forbidden = (code: string) => {
  const right = rights[code]
  return right === undefined
    ? `Kafka does not allow it to this user (${code}); grant the permission`
    : `this user has no permission on ${right} <prefix>. --resource-pattern-type prefixed)`
}

/** Why this client and a broker do not trust each other; waiting cannot mend it. */
const mistrust = (error: unknown): string | undefined => {
  const all = chain(error)
  const [code = ''] = all
    .flatMap((each) => ('code' in each ? [String(each.code)] : []))
    .filter((each) => /[A-Z]{4}/.test(each))
  const who = all.flatMap((each) => ('broker' in each ? [` ${String(each.broker)}`] : []))[0] ?? ''
  if (/^ERR_(SSL|OSSL).*_ALERT_/.test(code))
    return `broker${who} ended the TLS handshake (${code}): it does not accept the certificate of this client; set kafka.tls.cert and kafka.tls.key to one that it trusts`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of broker${who} is made for other names: use one of them in kafka.brokers and in the broker's advertised.listeners, or have it made for this one`
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code))
    return `the certificate of broker${who} is not valid today (${code}): renew it, or set the clock right`
  if (/CERT|SIGNATURE/.test(code))
    return `the certificate of broker${who} is not trusted (${code}): set kafka.tls.ca to a file with the certificate of who signed it`
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code))
    return `broker${who} does not speak TLS there: check the port in kafka.brokers, or set kafka.tls.on to false`
  return undefined
}

/** Why a broker does not let this user in. */
const stranger = (error: unknown): string | undefined => {
  const refused = chain(error).find(
    (each) =>
      each.name === 'KafkaJSSASLAuthenticationError' || ('type' in each && each.type === 'SASL_AUTHENTICATION_FAILED'),
  )
  if (refused) return `Kafka does not accept who this client says that it is (${refused.message}): check kafka.sasl`
  if (is(error, 'UNSUPPORTED_SASL_MECHANISM'))
    return 'the broker does not offer kafka.sasl.mechanism there: choose another one, or another port'
  if (is(error, 'ILLEGAL_SASL_STATE')) return 'the broker expects no kafka.sasl there: check the port in kafka.brokers'
  return undefined
}

/** `Fatal` where waiting cannot mend it, else `Unavailable`. */
export const translated = (error: unknown, what: string): Fatal | Unavailable => {
  const [known] = chain(error).filter((each) => each instanceof Fatal || each instanceof Unavailable)
  if (known) return known
  const cause = { cause: error }
  const [code] = codes(error).filter((each) => each.endsWith('_AUTHORIZATION_FAILED'))
  if (code) return new Fatal(`${what}: ${forbidden(code)}`, cause)
  const why = stranger(error) ?? mistrust(error)
  if (why) return new Fatal(`${what}: ${why}`, cause)
  if (is(error, ...impossible)) return new Fatal(`${what}: Kafka refuses it (${sentence(error)})`, cause)
  return new Unavailable(`${what}: Kafka did not answer as it should (${sentence(error)})`, {
    cause: error,
    endpoint: 'kafka',
  })
}
