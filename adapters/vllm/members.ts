/** Who belongs to a fleet of servers, and how calls are spread over them: the types. */
import type { Hint } from '../../method/ports.ts'
import type { Endpoint } from '../../runtime/endpoint.ts'

/** An address that may serve; `key` is its identity in the fleet and its name in errors, metrics and logs. */
export interface Address {
  readonly key: string
  /** Base URL without `/v1`, e.g. `http://127.0.0.1:8000`. */
  readonly url: string
  /** Connect to this address in place of the URL's name (one of several that a name has). */
  readonly at?: string
}

/** Where addresses come from; each is asked again while the fleet is open. */
export type Source =
  | { readonly kind: 'list'; readonly urls: readonly string[] }
  /** Every address of the URL's name is a server. */
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

/**
 * Servers as one thing to call. A call runs on one server from its beginning to its end: the ready one that the key
 * prefers (rendezvous hash) and that has room. `hint.avoid` names servers under which this work was lost before: they
 * come last. `hint.alone`: nothing else runs on that server meanwhile.
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
  /** Resolves when the server has nothing under way any more. */
  drain(key: string): Promise<void>
  close(): Promise<void>
}
