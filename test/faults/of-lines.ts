/** What happens between workers and servers: answers that never come, a registry that is away. */
import { pause } from '../../runtime/wait.ts'
import { copying, type Fault } from './fault.ts'
import { cutter } from './proxy.ts'
import { killed } from './servers.ts'

/** So many cuts at least, or nothing was shown. */
const enough = { long: 20, short: 4 }

const answersCut: Fault = {
  name: 'answers-cut',
  brokers: 1,
  async run(servers, measure) {
    const [host = '', port = ''] = servers.brokers[0]?.split(':') ?? []
    const proxy = await cutter({ host, port: Number(port), every: measure.short ? 15 : 30 })
    try {
      const found = await copying('cut', servers, measure, {
        via: { [port]: proxy.port },
        strike: ({ reached }) => reached(1),
      })
      const { answered, unanswered } = proxy.cuts
      const cuts = `${answered + unanswered} connections cut in the middle of a commit, ${answered} of them after the broker had answered`
      const least = measure.short ? enough.short : enough.long
      const few = answered + unanswered < least ? [`fewer than ${least} cuts`] : []
      return { ...found, remarks: [...found.remarks, cuts], wrong: [...found.wrong, ...few] }
    } finally {
      proxy.close()
    }
  },
}

/** Away when a worker starts, away in the middle, and a second worker starts meanwhile. */
const registryDown: Fault = {
  name: 'registry-down',
  brokers: 1,
  run: (servers, measure) =>
    copying('registry', servers, measure, {
      async begin({ workers }) {
        await killed(servers.registry)
        const first = workers.start()
        await pause(8_000)
        if (first.ready || !workers.alive.has(first)) throw new Error('a worker did not wait for the registry')
        await servers.registry.start()
      },
      async strike({ workers, blows }) {
        await blows(2, async () => {
          await killed(servers.registry)
          const [before] = workers.alive
          workers.start()
          await pause(3_000)
          before?.send('SIGKILL') // the one that knows the schemas
          await before?.ended
          await pause(7_000)
          await servers.registry.start()
        })
      },
    }),
}

export const ofLines = [answersCut, registryDown]
