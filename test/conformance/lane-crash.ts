import assert from 'node:assert/strict'
import type { Case, Trial } from './subject.ts'
import { bench, gates, ids, type Worker } from './bench.ts'
import { eventually, sleep } from './tools.ts'

/** Let the step of a record end and wait until readers see its copy, or let something happen to the workers. */
export type Act = number | 'crash' | 'stop' | 'join' | 'pause'

const scripts: Record<string, readonly Act[]> = {
  'in order, with a crash between': [0, 1, 2, 'crash', 3, 4, 5],
  'the first stays behind': [1, 2, 3, 'crash', 4, 5, 0],
  'backwards, with a crash after each': [5, 'crash', 4, 'crash', 3, 'crash', 2, 'crash', 1, 'crash', 0],
  'a crash before anything': ['crash', 0, 'crash', 1, 2, 3, 4, 5],
  'handed on by stopping': [2, 'stop', 4, 'stop', 0, 'stop', 1, 3, 5],
  'several members': ['join', 4, 'join', 1, 'crash', 0, 'stop', 2, 'join', 3, 'crash', 5],
}

const drawn = ({ draw }: Trial): Act[] => {
  const left = ids(12).map((_, n) => n)
  const acts: Act[] = []
  while (left.length > 0) {
    const kind = draw(10)
    if (kind < 6) acts.push(...left.splice(draw(left.length), 1))
    else acts.push((['crash', 'stop', 'join', 'pause'] as const)[kind - 6] ?? 'pause')
  }
  return acts
}

/** Plays a script on records that all wait; whoever starts later must not touch what was seen settled before. */
const play = async (trial: Trial, script: readonly Act[], partitions: number) => {
  const all = await bench(trial, partitions)
  const gate = gates()
  const count = script.filter((act) => typeof act === 'number').length
  await all.fill(ids(count))
  const before = new Map<Worker, string[]>()
  const join = async () => {
    const seen = await all.copied()
    before.set(await all.work({ step: gate.pass }), seen)
  }
  let live: Worker | undefined
  const newest = () => all.workers.at(-1)
  const act = async (what: Act) => {
    if (typeof what === 'number') {
      gate.open(`i${what}`)
      return all.sees([`i${what}`])
    }
    if (what === 'pause') return sleep(trial.draw(30))
    if (what === 'crash') await live?.crash()
    if (what === 'stop') await live?.stop()
    await join()
    live = newest()
  }
  await act('join')
  for (const what of script) await act(what)
  await all.settled()
  await all.stop()
  for (const [worker, seen] of before) {
    const again = worker.worked.filter((id) => seen.includes(id))
    assert.deepEqual(again, [], `${again.length} records were worked on again after they had been settled`)
  }
  await all.recount()
}

/** Crashes as data: I1, I2, I3 and I4 after whatever happened to the workers. */
export const crashes: Case[] = [
  ...Object.entries(scripts).map(([name, script]): Case => ({
    name: `I3 what was settled is not worked on again, and all of it is there once: ${name} [${script.join(', ')}]`,
    run: (trial) => play(trial, script, 1),
  })),
  {
    name: 'I3 the same for a script drawn from the seed, on three partitions',
    run: (trial) => play(trial, drawn(trial), 3),
  },
  {
    name: 'I3 what finished ahead of a stuck record is not worked on again after a crash',
    async run(trial) {
      const all = await bench(trial)
      const gate = gates()
      const others = ids(60).slice(1)
      await all.fill(ids(60))
      gate.open(...others)
      const first = await all.work({ step: gate.pass })
      await all.sees(others)
      await first.crash()
      gate.openAll()
      const second = await all.work({ step: gate.pass })
      await all.settled()
      await all.stop()
      assert.deepEqual([...new Set(second.worked)], ['i0'])
      await all.recount()
    },
  },
  {
    name: 'I2 crashes at any moment lose nothing, double nothing, and the totals are those of a recount',
    async run(trial) {
      const all = await bench(trial, 3)
      await all.fill(ids(150))
      const step = async () => sleep(trial.draw(6))
      for (let crash = 0; crash < 5; crash++) {
        const victim = await all.work({ step })
        await sleep(10 + trial.draw(60))
        await victim.crash()
      }
      await all.work({ step })
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I1 members that come and go under load lose nothing and double nothing',
    async run(trial) {
      const all = await bench(trial, 4)
      const step = async () => sleep(trial.draw(5))
      for (let round = 0; round < 5; round++) {
        const worker = await all.work({ step })
        await all.fill(ids(30, `r${round}-`))
        await sleep(trial.draw(40))
        if (round % 2 === 1) await worker.stop()
      }
      await all.settled()
      await all.stop()
      await all.recount()
    },
  },
  {
    name: 'I1 with two members nothing is worked on twice unless it had to be handed on, and both work',
    async run(trial) {
      const all = await bench(trial, 4)
      const [a, b] = [await all.work({ step: () => sleep(5) }), await all.work({ step: () => sleep(5) })]
      const held = () => a.stage.partitions.length > 0 && b.stage.partitions.length > 0
      await eventually('both members holding something', trial.patience, () => held() || undefined)
      for (let round = 0; round < 10; round++) await all.fill(ids(12, `r${round}-`))
      await all.settled()
      await all.stop()
      assert.ok(a.worked.length > 0 && b.worked.length > 0)
      await all.recount()
    },
  },
  {
    name: 'I4 a member that never learns of its expulsion doubles nothing, though it goes on working',
    async run(trial) {
      const all = await bench(trial, 2)
      const gate = gates()
      await all.fill(ids(40))
      gate.open(...ids(10))
      const zombie = await all.work({ step: gate.pass, deaf: true })
      await all.sees(ids(4))
      await zombie.expel()
      await all.work({ step: gate.pass })
      await sleep(trial.draw(40))
      gate.openAll()
      await all.settled()
      await all.recount()
      await sleep(60) // the zombie's last settles
      await all.recount()
      await all.stop()
    },
  },
]
