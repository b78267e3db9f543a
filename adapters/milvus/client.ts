/** A connection to one Milvus: each call has a time limit, an end by signal, and a sentence when it fails. */
import { MilvusClient } from '@zilliz/milvus2-sdk-node'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { within } from '../../runtime/wait.ts'
import { checked, settled, translated } from './failures.ts'

export interface MilvusAccess {
  /** `host:port` */
  readonly address: string
  readonly database?: string
  readonly auth?: { readonly username: string; readonly password: string } | { readonly token: string }
  /** Certificates and keys in PEM. The server's certificate and its name are always verified. */
  readonly tls?: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly serverName?: string
  }
  /** Milliseconds of one call. */
  readonly timeout: number
}

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Milliseconds, where it takes longer than others. */
  readonly patience?: number
}

export interface Client {
  /** For people. */
  readonly name: string
  /** Milvus Lite's server: one process, which takes one writer of a collection at a time. */
  readonly lite: boolean
  readonly version: string
  /**
   * @param what is asked for, as in `to search docs`
   * @param work is given the milliseconds that it may take
   * @throws Refused with the server's status; Unavailable, Fatal
   */
  ask<T>(work: (sdk: MilvusClient, timeout: number) => Promise<T>, options?: CallOptions): Promise<T>
  /** The same, where every status that is not success is a failure of the call. @throws Unavailable, Fatal, Error */
  call<T>(what: string, work: (sdk: MilvusClient, timeout: number) => Promise<T>, options?: CallOptions): Promise<T>
  close(): Promise<void>
}

/**
 * The SDK writes each request and each answer as JSON for its log, whether it logs or not: half of its time, for rows.
 * To be spread into a request, whose text is then this.
 */
export const quiet = { toJSON: () => 'rows' }

const pem = (text: string | undefined) => (text === undefined ? undefined : Buffer.from(text))

let clients = 0
const channelOptions = () => ({
  // The runtime tries again, and knows when: nobody below it does.
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // A server of gRPC takes two pings in five minutes from who says nothing else, and hangs up on who sends more: each
  // call has a time limit of its own instead.
  'grpc.keepalive_time_ms': 360_000,
  'grpc.keepalive_permit_without_calls': 0,
  // Clients with the same options share a connection, and what one has learnt of a server that was away holds for the
  // next one, too, when it is there again.
  'grpc.primary_user_agent': `gainstream/${++clients}`,
})

const sdkOf = ({ address, database, auth, tls, timeout }: MilvusAccess) =>
  new MilvusClient({
    ...{ address, timeout, logLevel: 'error', telemetry: { enabled: false } },
    ...{ maxRetries: 0, channelOptions: channelOptions() },
    ...(database !== undefined && { database }),
    ...auth,
    ...(tls && {
      ssl: true,
      tls: {
        ...(tls.ca !== undefined && { rootCert: pem(tls.ca)! }),
        ...(tls.cert !== undefined && { certChain: pem(tls.cert)! }),
        ...(tls.key !== undefined && { privateKey: pem(tls.key)! }),
        ...(tls.serverName !== undefined && { serverName: tls.serverName }),
      },
    }),
  })

const never = new AbortController().signal
/** After the SDK's own limit; one more for what it does before and after its call. */
const grace = 1_000

/** Before BM25. */
const isOld = (version: string) => {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? []
  return major !== undefined && Number(major) * 100 + Number(minor) < 205
}

/** @throws Unavailable where nobody answers, Fatal where we are not let in */
export const connect = async (access: MilvusAccess): Promise<Client> => {
  const where = `Milvus at ${access.address}`
  const sdk = sdkOf(access)
  sdk.connectPromise.catch(() => {}) // the first call says it, too

  const limited = async <T>(
    work: (ms: number) => Promise<T>,
    { signal = never, patience }: CallOptions,
  ): Promise<T> => {
    const ms = patience ?? access.timeout
    const late = () => new Unavailable(`${where} did not answer within ${ms / 1000} s`, { endpoint: where })
    try {
      return await within(ms + grace, signal, () => work(ms), late)
    } catch (error) {
      if (signal.aborted) throw error
      const status = typeof error === 'object' && !(error instanceof Error) ? error : undefined
      if (status) checked(status, where)
      throw translated(error, where)
    }
  }
  const ask: Client['ask'] = async (work, options = {}) => checked(await limited((ms) => work(sdk, ms), options), where)
  const call: Client['call'] = (what, work, options) =>
    ask(work, options).catch((error: unknown) => {
      throw settled(error, where, what)
    })
  try {
    const { version } = await call('to say its version', (milvus) => milvus.getVersion())
    if (isOld(version))
      throw new Fatal(`${where} is Milvus ${version}, which cannot match words: a version from 2.5 on is needed`)
    const close = async () => void (await sdk.closeConnection())
    return { name: where, lite: version.startsWith('milvus_lite'), version, ask, call, close }
  } catch (error) {
    await sdk.closeConnection()
    throw error
  }
}
