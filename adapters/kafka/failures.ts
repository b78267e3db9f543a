/** What Kafka's error codes mean to a stream. */
import { Fatal, sentence, Unavailable } from '../../runtime/errors.ts'

/** The error codes along the chain of causes, the outermost first: kafkajs wraps what its retries gave up on. */
const codes = (error: unknown): string[] => {
  const found: string[] = []
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    if ('type' in at && typeof at.type === 'string') found.push(at.type)
    const unknown = /Unknown error code (\d+)/.exec(at.message)?.[1]
    if (unknown) found.push(unknown)
    if ('errors' in at && Array.isArray(at.errors)) found.push(...at.errors.flatMap(codes))
  }
  return found
}

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
const forbidden = [
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
]

/** `Fatal` where waiting cannot mend it, else `Unavailable`. */
export const translated = (error: unknown, what: string): Fatal | Unavailable => {
  if (error instanceof Fatal || error instanceof Unavailable) return error
  const [code = ''] = codes(error).filter((each) => forbidden.includes(each))
  if (code) {
    return new Fatal(`${what}: Kafka does not allow it (${code}); give this user the permission`, { cause: error })
  }
  if (is(error, ...impossible)) return new Fatal(`${what}: Kafka refuses it (${sentence(error)})`, { cause: error })
  return new Unavailable(`${what}: Kafka did not answer as it should (${sentence(error)})`, {
    cause: error,
    endpoint: 'kafka',
  })
}
