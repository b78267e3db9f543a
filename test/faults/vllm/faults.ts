/** What happens to servers, and what must not come of it. */
import { pause } from '../../../runtime/wait.ts'
import type { Counted as Spoilt } from '../../vllm/faults.ts'
import { struck, type Fault, type Story } from './fault.ts'
import { processFigures } from './process.ts'
import type { Ground, Measure, Target } from './ground.ts'
import { poison } from './queries.ts'

const fault = (name: string, story: (measure: Measure) => Story | Promise<Story>): Fault => ({
  name,
  run: async (measure) => struck(name, measure, await story(measure)),
})

/** Seconds, fewer of them in the short form. */
const wait = ({ measure: { short } }: Ground, long: number, brief: number) => pause(1000 * (short ? brief : long))

const each = async (at: Ground, strike: (server: Target) => Promise<void>): Promise<void> => {
  await Promise.all(at.servers.map(strike))
}

const stopped = async (at: Ground, servers: readonly Target[], long: number, brief: number) => {
  for (const server of servers) server.send('SIGSTOP')
  await wait(at, long, brief)
  for (const server of servers) server.send('SIGCONT')
}

/** The query that no server survives: by which fault, and how often a server was lost under it. */
const poisonous = (name: string, way: 'die' | 'hang' | 'stun') =>
  fault(name, async ({ supply, queries }) => {
    const faults = { [way]: { containing: await supply.spelt(poison) } }
    const dead = (at: Ground) => at.servers.reduce((sum, { deaths }) => sum + deaths, 0)
    return {
      options: { supervised: true, faults },
      impatient: way === 'hang',
      poison: Math.floor(queries / 3),
      strike: async (at) => {
        await at.reached(0.33)
        await at.blow(async () => {
          while (at.worker.reports.at(-1)!.rejected === 0 && !at.worker.sentence) await pause(50)
        })
      },
      wrong: (at) => (dead(at) > 4 ? [`${dead(at)} servers died, at most 4 may`] : []),
      remarks: (at) => [`${dead(at)} deaths in all`],
    }
  })

const spoilt: readonly Spoilt[] = ['malformed', 'cut', 'wrongTokens', 'fewChoices']

/** What the fleet does not show yet of a file in which one server left and one without the plugin came. */
const notYet = ({ servers: [gone, , stranger], worker }: Ground): string[] => {
  const said = worker.reports.at(-1)?.members ?? []
  const state = said.find(({ key }) => stranger?.url.endsWith(key))?.state
  return [
    ...(state === 'refused' ? [] : [`the server without the plugin is ${state ?? 'unknown'}, not refused`]),
    ...(said.some(({ key }) => gone?.url.endsWith(key)) ? ['the server that left is still in the fleet'] : []),
  ]
}

export const faults: readonly Fault[] = [
  fault('nothing', () => ({
    options: { prefill: 1e9, decode: 0 }, // as fast as this machine goes
    strike: () => Promise.resolve(),
    remarks: ({ worker, servers }) => processFigures(worker.reports, servers).remarks,
    wrong: ({ worker, servers, measure: { short } }) => (short ? [] : processFigures(worker.reports, servers).wrong),
  })),
  fault('killed', () => ({
    direct: true,
    strike: async (at) => {
      const [first] = at.servers
      const restart = async (servers: readonly Target[]) => {
        await Promise.all(servers.map((server) => server.kill()))
        await wait(at, 3, 0.5)
        await Promise.all(servers.map((server) => server.start()))
      }
      await at.reached(0.2)
      await at.blow(() => restart([first!]))
      if (at.servers.length === 1) return
      await at.reached(0.6)
      await at.blow(() => restart(at.servers)) // nobody is left
    },
  })),
  fault('stopped', () => ({
    direct: true,
    strike: async (at) => {
      await at.reached(0.2)
      await at.blow(() => stopped(at, at.servers.slice(0, 1), 25, 3))
      await at.reached(0.6)
      await at.blow(() => stopped(at, at.servers, 10, 2))
    },
  })),
  fault('refusing', () => ({
    strike: async (at) => {
      await at.reached(0.3)
      await at.blow(async () => {
        const unavailable = at.measure.short ? 3_000 : 30_000
        await each(at, (server) => server.set({ unavailable }))
        await pause(unavailable)
      })
    },
  })),
  fault('one-gone', () => ({
    strike: async (at) => {
      await at.reached(0.3)
      await at.blow(() => at.servers[0]!.kill(), at.supply.kind === 'real' ? 1 : 0.5)
    },
  })),
  fault('silent', () => ({
    impatient: true,
    strike: async (at) => {
      await at.reached(0.2)
      await at.blow(async () => {
        await at.servers[0]!.set({ hang: 'all' })
        await wait(at, 20, 3)
        await at.servers[0]!.set({ hang: null })
      })
      await at.reached(0.6)
      await at.blow(async () => {
        await each(at, (server) => server.set({ hang: 'all' }))
        await wait(at, 30, 5)
        await each(at, (server) => server.set({ hang: null }))
      })
    },
  })),
  fault('malformed', () => ({
    strike: async (at) => {
      for (const [i, kind] of spoilt.entries()) {
        await at.reached(0.15 + 0.2 * i)
        // A probe takes one, too, and is not repeated at once: the first server is away for longer.
        await at.blow(async () => {
          await Promise.all(at.servers.map((server, n) => server.set({ [kind]: n === 0 ? 2 : 1 })))
          for (const server of at.servers) while ((await server.faults())[kind] > 0) await pause(100)
        })
      }
    },
  })),
  fault('newcomers', () => ({
    watched: true,
    strike: async (at) => {
      const urls = at.servers.map(({ url }) => url)
      await at.reached(0.2)
      const stranger = await at.supply.stranger()
      at.servers.push(stranger)
      await at.blow(async () => at.file.name([...urls, stranger.url]))
      await at.reached(0.6)
      await at.blow(async () => at.file.name(urls.slice(1).concat(stranger.url)), 0.5) // one leaves
      // A file is read every two seconds, and a busy machine takes its time for a probe.
      for (const until = Date.now() + 60_000; Date.now() < until && notYet(at).length > 0;) await pause(100)
    },
    wrong: notYet,
  })),
  poisonous('poison-kills', 'die'),
  poisonous('poison-hangs', 'hang'),
  poisonous('poison-stuns', 'stun'),
]
