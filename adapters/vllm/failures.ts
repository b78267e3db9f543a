/** What a vLLM server's failures mean to a record: its own fault, the world's, or a server that is not to be trusted. */
import { APIConnectionError, APIError } from 'openai'
import { Rejected, sentence, Unavailable, type Circumstances } from '../../runtime/errors.ts'

/** The server answered, and the answer cannot be right: it gets no work until it has passed its probe again. */
export class Distrusted extends Unavailable {
  /** It refused us (key, model, path), and did not just answer nonsense. */
  readonly refused: boolean
  constructor(message: string, { refused = false, ...circumstances }: Circumstances & { refused?: boolean }) {
    super(message, circumstances)
    this.refused = refused
  }
}

/** Not even the connection stood: the server never saw the request. */
const unseen = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Errors of sockets lie as causes in errors of fetch, in errors of the client. */
const codesOf = (error: unknown): string[] => {
  if (!(error instanceof Error)) return []
  const code = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  const within = error instanceof AggregateError ? error.errors.flatMap(codesOf) : []
  return [...code, ...within, ...codesOf(error.cause)]
}

const deepest = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? deepest(error.cause) : sentence(error)

/** The server's own words, without the client's. */
const said = (error: APIError): string => {
  const body = error.error as { message?: unknown; detail?: unknown } | undefined
  const words = body?.message ?? body?.detail
  return typeof words === 'string' ? words : words === undefined ? error.message : JSON.stringify(words)
}

const byStatus = (server: string, status: number, error: APIError): Error => {
  const words = `${server} answered ${status}: ${said(error)}`.slice(0, 1000)
  const options = { endpoint: server, cause: error }
  if ([400, 413, 422].includes(status)) return new Rejected(words, { cause: error })
  // It broke over this very request; the others say that the server is busy or away.
  if (status === 500) return new Unavailable(words, { ...options, inFlight: true })
  if (status >= 500 || [408, 409, 425, 429].includes(status)) return new Unavailable(words, options)
  return new Distrusted(words, { ...options, refused: true })
}

/** A vendor's error as one of the runtime's. `signal`: of the call; its reason comes before all else. */
export const translated = (server: string, error: unknown, signal: AbortSignal): unknown => {
  if (signal.aborted) return signal.reason
  if (error instanceof Unavailable || error instanceof Rejected) return error
  const answered = error instanceof APIError ? (error as APIError<number | undefined>) : undefined
  if (answered?.status !== undefined) return byStatus(server, answered.status, answered)
  if (error instanceof SyntaxError)
    return new Distrusted(`${server} answered something that is no JSON`, { endpoint: server, cause: error })
  const codes = codesOf(error)
  const isOfNetwork = error instanceof APIConnectionError || error instanceof TypeError || codes.length > 0
  if (!isOfNetwork) return error
  const inFlight = !codes.some((code) => unseen.has(code))
  const what = inFlight ? 'was lost while it answered' : 'cannot be reached'
  return new Unavailable(`${server} ${what} (${deepest(error)})`, { endpoint: server, inFlight, cause: error })
}
