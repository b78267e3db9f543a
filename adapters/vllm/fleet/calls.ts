import { Unavailable } from '../../../runtime/errors.ts'
import { branch, type Branch } from '../../../runtime/wait.ts'
import { promptly } from '../../reader/admission.ts'

/** Whoever was lost is named as the fleet names it, so that it can be avoided. */
const named = (error: unknown, key: string) =>
  error instanceof Unavailable && error.endpoint !== key
    ? new Unavailable(error.message, { endpoint: key, inFlight: error.inFlight, cause: error })
    : error

/** The calls that one server has: they can be ended together, whether or not they heed their signals. */
export const underWay = (key: string) => {
  const all = new Set<Branch>()
  let closed: Error | undefined
  const end = (reason: Error) => all.forEach((call) => call.abort(reason))
  return {
    async run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
      if (closed) throw closed
      const call = branch(signal)
      all.add(call)
      try {
        return await promptly(work(call.signal), call.signal)
      } catch (error) {
        throw named(error, key)
      } finally {
        all.delete(call)
        call.release()
      }
    },
    end,
    /** Ends those that come, too. */
    close(reason: Error) {
      closed = reason
      end(reason)
    },
  }
}
