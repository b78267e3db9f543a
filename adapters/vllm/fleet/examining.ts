import { Fatal, sentence } from '../../../runtime/errors.ts'
import { delay, within } from '../../../runtime/wait.ts'
import type { Closing, FleetOptions, Times } from '../members.ts'

/** `refused`: not as it was started; `silent`: no answer in time; `unfit`: an answer, and not a good one. */
export type Finding =
  { readonly kind: 'well' } | { readonly kind: 'refused' | 'silent' | 'unfit'; readonly why: string }

/** Whoever asks a server is told in a sentence what is wrong with it, within the time that it has. */
export const examining = <S extends Closing>(
  server: S,
  { health, probe, times }: Pick<FleetOptions<S>, 'health' | 'probe'> & { readonly times: Times },
) => {
  const asked = async (
    what: string,
    limit: number,
    signal: AbortSignal,
    ask: (server: S, signal: AbortSignal) => Promise<void>,
  ): Promise<Finding> => {
    let late = false
    const tooLate = () => {
      late = true
      return new Error(`${what} was not answered within ${limit / 1000} s`)
    }
    try {
      await within(limit, signal, async (s) => ask(server, s), tooLate)
      return { kind: 'well' }
    } catch (error) {
      return { kind: error instanceof Fatal ? 'refused' : late ? 'silent' : 'unfit', why: sentence(error) }
    }
  }
  const healthy = (signal: AbortSignal) => asked('the question for its health', times.healthLimit, signal, health)
  return {
    healthy,
    probed: (signal: AbortSignal) => asked('the probe', times.probeLimit, signal, probe),
  }
}

/** How long to wait after a look that failed. To ask for health is cheap: a server that was started again is found soon. */
export const pacing = (
  { retry: { from, to }, health }: Pick<Times, 'retry' | 'health'>,
  random: (() => number) | undefined,
) => {
  let [silent, unfit] = [0, 0] // failures in a row
  return {
    health() {
      unfit = 0
      return delay({ from, to: Math.min(to, health) }, silent++, random)
    },
    probe() {
      silent = 0
      return delay({ from, to }, unfit++, random)
    },
  }
}
