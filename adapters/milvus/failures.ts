/**
 * What Milvus and its SDK say when something went wrong, as the three names of failure.
 *
 * The SDK has five ways to say it: a status in the answer (in two numberings, of which either may be the only one that
 * is set), a status that is thrown, a status as the text of an error, an error of gRPC, and a TypeError where an answer
 * has no results.
 */
import { Fatal, Rejected, Unavailable } from '../../runtime/errors.ts'

/** A status that is not success: the caller knows whether it is the row's fault. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: number
  readonly passing: boolean
  constructor(reason: string, code: number, passing: boolean) {
    super(reason)
    this.code = code
    this.passing = passing
  }
}

/** As Milvus numbers them (pkg/util/merr/errors.go); Milvus Lite uses the same numbers for these. */
const codes = { collectionNotFound: 100, notLoaded: [101, 103], aliasNotFound: 1600, indexNotFound: [11, 700] }
/** Memory, requests, disk, rate and quota at their limit; nodes and channels that are being moved. */
const passing = new Set([2, 3, 4, 7, 8, 9, 106, 400, 402, 404, 500, 502, 503, 901, 903])
/** Need of credentials. */
const forbidden = new Set([1400])

const is = (error: unknown, ...wanted: readonly number[]) => error instanceof Refused && wanted.includes(error.code)
export const isMissing = (error: unknown) => is(error, codes.collectionNotFound)
export const isNotLoaded = (error: unknown) =>
  is(error, ...codes.notLoaded) || (error instanceof Refused && /not (fully )?loaded/i.test(error.message))
export const isAliasMissing = (error: unknown) => is(error, codes.aliasNotFound, codes.collectionNotFound)
export const isIndexMissing = (error: unknown) => is(error, ...codes.indexNotFound)
/** Of Milvus Lite, of gRPC (the call is too large), and of Milvus: parameters that are wrong or missing. */
const faults = new Set([6, 8, 1100, 1101, 1102, 1103, 1104, 1105, 1106, 1107])
/** The rows of the call are at fault, or one of them is. */
export const isOfRows = (error: unknown): error is Refused =>
  error instanceof Refused && !error.passing && faults.has(error.code)
/** Somebody else made it first. */
export const isThere = (error: unknown) =>
  error instanceof Refused && /already exist|duplicate|at most one|distinct index/i.test(error.message)

interface Status {
  readonly error_code?: unknown
  readonly code?: unknown
  readonly reason?: string
  readonly retriable?: unknown
}

const statusOf = (answer: unknown): Status | undefined => {
  if (typeof answer !== 'object' || answer === null) return undefined
  const { status } = answer as { status?: Status }
  return typeof status === 'object' ? status : 'error_code' in answer ? answer : undefined
}

/** @throws Refused where an answer's status is not success, Fatal where it has none */
export const checked = <T>(answer: T, where: string): T => {
  const status = statusOf(answer)
  if (!status)
    throw new Fatal(
      `${where} does not know this call: it is another program, or a Milvus before 2.5 (milvus.address names it)`,
    )
  const code = Number(status.code ?? 0)
  const succeeded = code === 0 && (status.error_code === 'Success' || status.error_code === 0)
  if (succeeded) return answer
  throw refusal(status)
}

const refusal = (status: Status): Refused => {
  const code = Number(status.code ?? 0)
  const legacy = status.error_code === 'CollectionNotExists' ? codes.collectionNotFound : Number(status.error_code)
  const number = code !== 0 ? code : Number.isNaN(legacy) ? -1 : legacy
  return new Refused(status.reason || `error ${number}`, number, status.retriable === true || passing.has(number))
}

const grpc = { cancelled: 1, unknown: 2, late: 4, forbidden: 7, exhausted: 8, internal: 13, away: 14, nobody: 16 }
const certificate = /certificate|self.signed|altname|wrong version number|EPROTO|ssl|tls alert/i

const numbered = (error: unknown): { code: number; details: string } | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error
    ? { code: error.code, details: String(error.details) }
    : undefined

/** Of an error whose text is a status: its name and its reason. */
const written = (error: unknown): Status | undefined => {
  const found = error instanceof Error ? /^ErrorCode: (\w+)\. Reason: (.*)$/s.exec(error.message) : null
  return found ? { error_code: found[1], reason: found[2] ?? '' } : undefined
}

/**
 * Whoever calls gets one of ours; a `Refused` comes back as it is, for `settled`.
 * Nothing is `inFlight`: many callers share a call, so that its loss says nothing of any one of their records.
 */
export const translated = (error: unknown, where: string): unknown => {
  if (error instanceof Error && ['Refused', 'Rejected', 'Unavailable', 'Fatal'].includes(error.name)) return error
  const text = written(error)
  if (text) return refusal(text)
  const found = numbered(error)
  if (!found) return error
  const { code, details } = found
  const options = { cause: error }
  if (code === grpc.nobody || code === grpc.forbidden)
    return new Fatal(`${where} does not let us in (${details}): see milvus.username and milvus.token`, options)
  // A connection that the server has ended because of its pings; what is too large is said in other words.
  const hungUp = details.startsWith('Bandwidth exhausted')
  if (code === grpc.exhausted && !hungUp) return new Refused(details, grpc.exhausted, false)
  if (certificate.test(details))
    return new Fatal(
      `no TLS with ${where} (${details}): see milvus.tls.on, milvus.tls.ca, milvus.tls.server_name`,
      options,
    )
  const why = code === grpc.late ? 'did not answer in time' : `cannot be reached (${details})`
  return new Unavailable(`${where} ${why}`, { endpoint: where, ...options })
}

/** What the machine of the server says, through the server. */
const full = /\[Errno \d+\]|no space left|disk quota|out of memory|cannot allocate/i

/** A status nobody knew what to do with. @param what was asked for, as in `to search docs` */
export const settled = (error: unknown, where: string, what: string): unknown => {
  if (!(error instanceof Refused)) return error
  const said = `${where} refused ${what}: ${error.message}`
  if (error.passing || full.test(error.message)) return new Unavailable(said, { endpoint: where, cause: error })
  if (forbidden.has(error.code) || /permission|privilege/i.test(error.message))
    return new Fatal(`${said}; give this user the right to do so`, { cause: error })
  return new Error(said, { cause: error })
}

/** Of a row: whatever is wrong with it will be wrong the next time. */
export const rejected = (id: string, error: Error) =>
  new Rejected(`the passage ${id} cannot be stored in Milvus: ${error.message}`, { cause: error })
