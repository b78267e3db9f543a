/** Who belongs to a fleet of servers, and how calls are spread over them: the types. */
import type { Hint } from '../../method/ports.ts'
import type { Endpoint, EndpointOptions } from '../../runtime/endpoint.ts'
import type { Observe } from '../../runtime/observe.ts'
import type { Load } from './server.ts'

/** An address that may serve; `key` is its identity in the fleet and its name in errors, metrics and logs. */
export interface Address {
  /** `host:port` and the path, if there is one; of a name with several addresses `address:port`. */
  readonly key: string
  /** Base URL without `/v1`, e.g. `http://127.0.0.1:8000`. */
  readonly url: string
  /** Connect to this address in place of the URL's name (one of several that a name has). */
  readonly at?: string
}

/** Where addresses come from; a name and a file are looked at again while the fleet is open. */
export type Source =
  | { readonly kind: 'list'; readonly urls: readonly string[] }
  /** Every address of the URL's name is a server. The name has to give all of them in each answer. */
  | { readonly kind: 'dns'; readonly url: string }
  /** One URL a line; `#` begins a comment. A line that goes away drains its server. */
  | { readonly kind: 'file'; readonly path: string }

export type State =
  /** Not asked yet, or asked and away: it gets work once its probe has passed. */
  | 'away'
  | 'ready'
  /** Its probe says that it can never do this work (wrong model, no plugin): it gets none until it was restarted. */
  | 'refused'
  /** It finishes what it has and gets nothing new. */
  | 'draining'

export interface Member {
  readonly key: string
  readonly state: State
  /** The sentence that says why it is away or refused. */
  readonly reason: string | undefined
  readonly inFlight: number
  readonly limit: number
}

/** Milliseconds, but for `misses`. */
export interface Times {
  /** From one look at a server's health to the next, and how long an answer may take. */
  readonly health: number
  readonly healthLimit: number
  /** Failures of health in a row after which a server is lost. One is enough where a call has just failed, too. */
  readonly misses: number
  /** How long a probe may take. */
  readonly probeLimit: number
  /** From a probe that failed to the next, with full jitter. */
  readonly retry: { readonly from: number; readonly to: number }
  /** From a probe that refused a server to the next. */
  readonly refused: number
  /** From one look at a busy server's queue to the next. */
  readonly load: number
  readonly dns: number
  readonly file: number
}

export interface Closing {
  close(): Promise<void>
}

export interface FleetOptions<Server extends Closing> {
  readonly source: Source
  readonly open: (address: Address) => Server
  /** Can this server do our work? @throws Fatal: not as it was started; anything else: not now. */
  readonly probe: (server: Server, signal: AbortSignal) => Promise<void>
  /** @throws whatever, while it does not serve. */
  readonly health: (server: Server, signal: AbortSignal) => Promise<void>
  /** Undefined where it cannot be read. */
  readonly load: (server: Server, signal: AbortSignal) => Promise<Load | undefined>
  /** Names the fleet in metrics and errors (default `vllm`). */
  readonly name?: string | undefined
  /**
   * Calls at once on each server (default 2 to 8): up by one after a round of successes, halved on Unavailable, and
   * never up while the server's own queue is not empty. `start` is taken to be enough to keep a server busy.
   */
  readonly concurrency?: EndpointOptions['concurrency'] | undefined
  /** Milliseconds of one call, from when it has a server. */
  readonly timeout: number
  readonly breaker?: EndpointOptions['breaker'] | undefined
  /** Milliseconds that opening waits for the first server that is ready (default 30,000). */
  readonly patience?: number | undefined
  readonly times?: Partial<Times> | undefined
  readonly observe?: Observe | undefined
  readonly random?: (() => number) | undefined
  /** Every address of a name (default: as this machine resolves names). */
  readonly lookup?: ((name: string) => Promise<readonly string[]>) | undefined
  /** Ends the waiting at opening. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Servers as one thing to call. A call runs on one server from its beginning to its end: the ready one that the key
 * prefers (rendezvous hash) and that has room; where none has, calls wait in one queue. `hint.avoid` names servers
 * under which this work was lost before: they come last. `hint.alone`: nothing else of this fleet runs on that server
 * meanwhile; such calls have at most half of the ready servers at once, and one at least.
 */
export interface Fleet<Server> {
  /** Stands for all of them: open while none is ready, limit and calls under way added up. */
  readonly endpoint: Endpoint
  /** @throws what `work` throws; Unavailable (with the server's key as its endpoint) when the server was lost or late. */
  call<T>(
    key: string,
    work: (server: Server, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    hint?: Hint,
  ): Promise<T>
  members(): readonly Member[]
  /**
   * Resolves when the server has nothing under way any more and is closed. It stays out until the source stops naming
   * it and names it again. @throws Fatal when there is no such server.
   */
  drain(key: string): Promise<void>
  /** Ends probes, calls and whoever waits, and closes the servers. */
  close(): Promise<void>
}
