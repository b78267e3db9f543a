/**
 * One server of a fleet, from its joining until it is drained: who may call it, and when.
 *
 * - M1 It gets work only after its health and its probe have passed since it was last away.
 * - M2 It is lost when a call's connection or time is lost, when its breaker trips, when its health fails three times in
 *   a row, or once beside a call that failed; and when it is well after it was not there, be it for one look.
 * - M3 Calls that are under way on a lost server go on for as long as it may still answer them; when it is silent (its
 *   probe, or its health three times), or stays away, they end as Unavailable (`inFlight`).
 * - M4 A call says nothing of a server that has passed a probe since the call began.
 */
import { endpoint } from '../../../runtime/endpoint.ts'
import { Fatal, sentence, Unavailable } from '../../../runtime/errors.ts'
import { watchEndpoint } from '../../../runtime/measure.ts'
import { bell, pause } from '../../../runtime/wait.ts'
import { Distrusted } from '../failures.ts'
import type { Address, Closing, State } from '../members.ts'
import { underWay } from './calls.ts'
import { examining, pacing } from './examining.ts'
import type { Keeping, Kept } from './keeping.ts'
import { watchLoad } from './load.ts'
import { telling } from './telling.ts'

const states = { away: 0, ready: 1, refused: 2, draining: 3 } as const satisfies Record<State, number>

/** @param changed is called whenever it may take more or less than before; @param gone once, when it is drained */
export const member = <S extends Closing>(
  address: Address,
  keeping: Keeping<S>,
  changed: () => void,
  gone: () => void,
): Kept<S> => {
  const { key } = address
  const { times, observe, concurrency, timeout, breaker, random } = keeping
  const { meter } = observe
  const tell = telling(key, observe)
  const server = keeping.open(address)
  const own = endpoint({ name: key, concurrency, timeout, breaker, observe, ...(random && { random }) })
  const { healthy, probed } = examining(server, keeping)
  const life = new AbortController()
  const alarm = bell() // rung when its health is to be asked for at once
  const calls = underWay(key)
  const drained = Promise.withResolvers<void>()
  let state: State = 'away'
  let reason: string | undefined = 'it has not answered yet what it can do'
  let probing = false
  let probes = 0 // passed
  let misses = 0 // of health, in a row
  let refusing: string | undefined // what it answered when its health was asked for last, if it was not well
  let lostAt = -Infinity
  let doubted = false // a call has failed: is it the server?
  let defied: number | undefined // a call was refused for good after so many probes

  const become = (next: State, why?: string) => {
    state = next
    reason = why
    changed()
  }

  /** M3 */
  const abandon = (why: string) =>
    calls.end(new Unavailable(`${key} was lost: ${why}`, { endpoint: key, inFlight: true }))

  /** M2 */
  const lose = (why: string) => {
    if (state !== 'ready') return
    tell.lost(why)
    lostAt = Date.now()
    become('away', why)
    alarm.ring()
  }

  const welcome = () => {
    probes++
    doubted = false
    own.renew()
    tell.joined()
    become('ready')
  }

  const refuse = (why: string) => {
    if (reason === why && state === 'refused') return
    tell.refused(why)
    become('refused', why)
  }

  const stayAway = (why: string, silent: boolean) => {
    if (why !== reason) tell.away(why)
    become('away', why)
    if (silent || Date.now() - lostAt >= times.misses * times.health) abandon(why)
  }

  const looked = async () => {
    const health = await healthy(life.signal)
    misses = health.kind === 'well' ? 0 : misses + 1
    if (health.kind !== 'silent') refusing = health.kind === 'well' ? undefined : health.why
    return health
  }

  /** Until it is ready. @returns with nothing decided when it is drained or closed meanwhile */
  const approach = async () => {
    const idle = () => life.signal.aborted || state === 'draining'
    const pace = pacing(times, random)
    while (!idle()) {
      const health = await looked()
      probing = health.kind === 'well'
      const finding = probing ? await probed(life.signal) : health
      probing = false
      if (idle()) return
      if (finding.kind === 'well') return welcome()
      if (finding.kind === 'refused') {
        refuse(finding.why)
        await pause(times.refused, life.signal)
        continue
      }
      stayAway(finding.why, finding.kind === 'silent' && (health.kind === 'well' || misses >= times.misses))
      await pause(health.kind === 'well' ? pace.probe() : pace.health(), life.signal)
    }
  }

  /** While it is ready or draining: looks at its health, and at once when a call has failed. */
  const guard = async () => {
    const served = () => !life.signal.aborted && (state === 'ready' || state === 'draining')
    for (let last = Date.now(); served();) {
      await alarm.wait(Math.max(0, last + times.health - Date.now()))
      if (!served()) return
      const suspected = doubted
      doubted = false
      last = Date.now()
      const before = refusing
      const health = await looked()
      if (!served()) return
      // Whoever was not there and is there again may have been started anew, with other flags.
      const why = health.kind === 'well' ? before : health.why
      if (why === undefined) continue
      if (health.kind === 'well') lose(`it was away for a moment: ${why}`)
      else if (suspected || misses >= times.misses) lose(why)
      if (misses >= times.misses) abandon(why)
    }
  }

  const stay = async () => {
    while (!life.signal.aborted) {
      await approach()
      await guard()
    }
  }

  /** What a failure of a call says of the server, and what the caller is told. */
  const judged = (error: unknown, began: number): unknown => {
    const stale = began !== probes // M4
    if (error instanceof Fatal) {
      // The probe decides whether it is this server alone; if it passes, the server is not to blame.
      if (defied !== undefined && defied < began) return error
      defied ??= began
      if (!stale) lose(sentence(error))
      return new Unavailable(sentence(error), { endpoint: key, cause: error })
    }
    if (!(error instanceof Unavailable) || stale) return error
    // What cannot be right is not asked again before the probe has passed: it may have been started with other flags.
    if (error.inFlight || error instanceof Distrusted) lose(sentence(error))
    else if (own.open) lose(`calls failed one after another, the last one so: ${sentence(error)}`)
    else {
      doubted = true
      alarm.ring()
    }
    return error
  }

  const end = async () => {
    life.abort(new Error('the server is no longer of the fleet'))
    alarm.ring()
    unwatch.forEach((each) => each())
    await stayed
    await server.close()
  }

  const leaveIfDrained = () => {
    if (state !== 'draining' || own.inFlight > 0 || life.signal.aborted) return
    tell.drained()
    gone()
    end().then(drained.resolve, drained.reject)
  }

  const unwatch = [
    watchEndpoint(meter, own),
    meter.watch('gainstream_server_state', () => states[state], { endpoint: key }),
  ]
  const load = (signal: AbortSignal) => keeping.load(server, signal)
  const looking = { endpoint: own, concurrency, every: times.load, limit: times.healthLimit, load }
  const stayed = Promise.all([stay(), watchLoad(looking, life.signal)])

  return {
    key,
    get state() {
      return state
    },
    get reason() {
      return reason
    },
    get probing() {
      return probing
    },
    get ready() {
      return state === 'ready' && !own.open
    },
    get inFlight() {
      return own.inFlight
    },
    get limit() {
      return own.limit
    },
    get room() {
      return state === 'ready' && !own.open && own.inFlight < own.limit
    },
    async run(work, signal, alone) {
      const began = probes
      try {
        const value = await own.call((s) => calls.run((t) => work(server, t), s), signal, { alone })
        defied = undefined
        return value
      } catch (error) {
        throw signal.aborted ? error : judged(error, began)
      } finally {
        changed()
        leaveIfDrained()
      }
    },
    drain() {
      if (state !== 'draining') become('draining')
      leaveIfDrained()
      return drained.promise
    },
    async close() {
      calls.close(new Unavailable(`the fleet of ${key} is closed`, { endpoint: key }))
      if (!life.signal.aborted) await end()
      drained.resolve()
    },
  }
}
