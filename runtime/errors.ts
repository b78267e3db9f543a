/**
 * Failure has three names, given where the vendor is known; nobody else catches.
 *
 * - `Rejected`: the record is at fault; it becomes a dead letter at once.
 * - `Unavailable`: the world is at fault; wait as long as it takes, dead-letter nothing.
 * - `Fatal`: going on would do harm (fenced for good, wrong configuration, trimmed input); stop and say what to do.
 *
 * Anything else is a bug: a few attempts, then a dead letter.
 */
export class Rejected extends Error {
  override readonly name = 'Rejected'
}

export interface Circumstances extends ErrorOptions {
  /** Which server, model or file was not there. */
  endpoint?: string
  /** The record was with the endpoint when it went away or ran out of time: the poison rule counts these. */
  inFlight?: boolean
}

export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly endpoint: string | undefined
  readonly inFlight: boolean
  constructor(message: string, { endpoint, inFlight = false, ...options }: Circumstances = {}) {
    super(message, options)
    this.endpoint = endpoint
    this.inFlight = inFlight
  }
}

export class Fatal extends Error {
  override readonly name = 'Fatal'
}

/** One sentence for people, whatever was thrown. */
export const sentence = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error)
