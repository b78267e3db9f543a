/** What happens to workers: killed, joined, stopped. */
import { pause } from '../../runtime/wait.ts'
import { copying, type Fault } from './fault.ts'
import { session } from './ground.ts'

const workersKilled: Fault = {
  name: 'workers-killed',
  brokers: 1,
  run: (servers, measure) =>
    copying('killed', servers, measure, {
      async strike({ workers, blows }) {
        await blows(4, async () => {
          const [live] = workers.alive
          live?.send('SIGKILL')
          workers.start()
          await live?.ended
        })
      },
    }),
}

/** Half of them leave as they should, half of them die. */
const secondComesAndGoes: Fault = {
  name: 'second-comes-and-goes',
  brokers: 1,
  run: (servers, measure) =>
    copying('second', servers, measure, {
      lasting: measure.short ? 8 : 60,
      async strike({ workers, blows }) {
        await blows(6, async (number) => {
          const second = workers.start()
          while (!second.ready && workers.alive.has(second)) await pause(50)
          await pause(1_500)
          second.send(number % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
          await second.ended
        })
      },
    }),
}

/** Past its session, so that others have its partitions; then it goes on with what it had in hand. */
const workerStopped: Fault = {
  name: 'worker-stopped',
  brokers: 1,
  run: (servers, measure) =>
    copying('zombie', servers, measure, {
      begin: ({ workers }) => void [workers.start(), workers.start()],
      async strike({ workers, blows }) {
        await blows(2, async (number) => {
          const sleeper = [...workers.alive][number]
          sleeper?.send('SIGSTOP')
          await pause(session + 4_000)
          sleeper?.send('SIGCONT')
        })
      },
    }),
}

export const ofWorkers = [workersKilled, secondComesAndGoes, workerStopped]
