import assert from 'node:assert/strict'
import type { Claim, Settled } from '../../runtime/log.ts'
import type { Case, Trial } from './subject.ts'
import { eventually, idsIn, member, opened, out, settledOnce, sleep, spec, withClaim, type Member } from './tools.ts'

/** Who of all the claims that were ever given can settle, after each has opened if it may. */
const settlers = async (members: readonly Member[], mark: string) => {
  const seats: { claim: Claim; settled: Settled | undefined }[] = []
  for (const claim of members.flatMap(({ claims }) => claims)) {
    try {
      seats.push({ claim, settled: await claim.open(AbortSignal.timeout(150)) })
    } catch {
      continue // it has lost the partition, or cannot prove that it has not
    }
  }
  const able: Claim[] = []
  for (const { claim, settled } of seats) {
    const batch = { records: [], settled: { position: settled?.position ?? 0, note: `${mark} ${able.length}` } }
    if (await settledOnce(claim, batch)) able.push(claim)
  }
  return able.map(({ partition }) => partition).sort()
}

const everyPartitionOnce = (members: readonly Member[], partitions: number, { patience }: Trial, mark: string) =>
  eventually(`exactly one holder for each of ${partitions} partitions`, patience, async () => {
    const able = await settlers(members, mark)
    const believed = members.flatMap((each) => each.held()).map(({ partition }) => partition)
    const once = (found: readonly number[]) => found.length === partitions && new Set(found).size === partitions
    return (once(able) && once(believed)) || undefined
  })

/** Membership: I1 (one live holder each), I4 (fencing by the next), I7 (goodbye). */
export const membership: Case[] = [
  {
    name: 'I1 members share the partitions, and of all who ever held one exactly one can settle it',
    async run(trial) {
      const [one, two, three] = [await trial.log(), await trial.log(), await trial.log()]
      await one.apply([spec('things', 4)])
      const members = [await member(one, 'g', 'things')]
      await everyPartitionOnce(members, 4, trial, 'alone')
      members.push(await member(two, 'g', 'things'))
      await everyPartitionOnce(members, 4, trial, 'two')
      members.push(await member(three, 'g', 'things'))
      await everyPartitionOnce(members, 4, trial, 'three')
      await Promise.all(members.map((each) => each.leave()))
      assert.deepEqual(
        members.flatMap((each) => each.failures),
        [],
      )
    },
  },
  {
    name: 'I1 work is spread: of two members on four partitions each gets some',
    async run(trial) {
      const [one, two] = [await trial.log(), await trial.log()]
      await one.apply([spec('things', 4)])
      const members = [await member(one, 'g', 'things'), await member(two, 'g', 'things')]
      await eventually(
        'a claim for each',
        trial.patience,
        () => members.every((each) => each.held().length > 0) || undefined,
      )
      await Promise.all(members.map((each) => each.leave()))
    },
  },
  {
    name: 'I1 groups do not see each other: each holds all partitions and settles for itself',
    async run(trial) {
      const [one, two] = [await trial.log(), await trial.log()]
      await one.apply([spec('things', 2)])
      const [a, b] = [await member(one, 'a', 'things'), await member(two, 'b', 'things')]
      await everyPartitionOnce([a], 2, trial, 'a')
      await everyPartitionOnce([b], 2, trial, 'b')
      assert.ok((await one.settled('a', 'things')).every((settled) => settled?.note.startsWith('a')))
      assert.ok((await one.settled('b', 'things')).every((settled) => settled?.note.startsWith('b')))
      await Promise.all([a.leave(), b.leave()])
    },
  },
  {
    name: 'I7 a member that leaves loses its claims and hands them on with what it had settled',
    async run(trial) {
      const [one, two] = [await trial.log(), await trial.log()]
      await one.apply([spec('things', 2)])
      const a = await member(one, 'g', 'things')
      await everyPartitionOnce([a], 2, trial, 'from a')
      await a.leave()
      assert.ok(a.held().length === 0, 'every claim of a member that left is lost')
      const b = await member(two, 'g', 'things')
      const claim = await eventually('a claim', trial.patience, () => b.held()[0])
      assert.match((await opened(claim))?.note ?? '', /^from a/)
      await everyPartitionOnce([a, b], 2, trial, 'from b')
      await b.leave()
    },
  },
  {
    name: 'I1 the partitions of a crashed member go to those who live',
    async run(trial) {
      const [victim, two] = [await trial.process(), await trial.log()]
      await two.apply([spec('things', 4)])
      const a = await member(victim.log, 'g', 'things')
      const b = await member(two, 'g', 'things')
      await eventually('a claim', trial.patience, () => a.held()[0])
      await victim.crash()
      await everyPartitionOnce([b], 4, trial, 'b')
      await b.leave()
    },
  },
  {
    name: 'I4 once the next owner has opened the partition, the last one is fenced and nothing of it is written',
    async run(trial) {
      const [one, two] = [await trial.log(), await trial.log()]
      await one.apply([spec('things'), spec('outputs')])
      const a = await member(one, 'g', 'things')
      const old = await eventually('a claim', trial.patience, () => a.held()[0])
      const began = await opened(old)
      await a.leave()
      const b = await member(two, 'g', 'things')
      const late = {
        records: [out('outputs', 'late')],
        settled: { position: (began?.position ?? 0) + 9, note: 'late' },
      }
      const good = { records: [out('outputs', 'good')], settled: { position: 1, note: 'good' } }
      await withClaim([b], 0, trial.patience, async (claim, settled) => {
        for (let n = 0; n < 3; n++) assert.equal((await old.settle(late)).kind, 'fenced')
        // Good when it is there already: this is a second try, after an outcome that nobody knew.
        if (settled?.note === 'good') return true
        assert.deepEqual(settled, began)
        return (await settledOnce(claim, good)) || undefined
      })
      await assert.rejects(old.open(AbortSignal.timeout(100)), 'who has lost the partition must not shut out its owner')
      assert.equal((await old.settle(late)).kind, 'fenced')
      assert.deepEqual(await idsIn(one, 'outputs'), ['good'])
      assert.equal((await one.settled('g', 'things'))[0]?.note, 'good')
      await b.leave()
    },
  },
  {
    name: 'I4 who may not open a partition any more because it was given away has been told that it is lost',
    needs: ['freeze'],
    async run(trial) {
      const [sleeper, two] = [await trial.process(), await trial.log()]
      await two.apply([spec('things')])
      const a = await member(sleeper.log, 'g', 'things')
      const old = await eventually('a claim', trial.patience, () => a.held()[0])
      await sleeper.freeze?.()
      const b = await member(two, 'g', 'things')
      const young = await eventually('the claim of the sleeper', trial.patience, () => b.held()[0])
      await opened(young)
      const late = opened(old).then(
        () => 'opened',
        () => (old.lost.aborted ? 'lost' : 'refused though not lost'),
      )
      await sleep(20)
      await sleeper.thaw?.()
      assert.equal(await late, 'lost')
      await Promise.all([a.leave(), b.leave()])
    },
  },
  {
    name: 'I4 a member that slept through its expulsion settles nothing, whatever it believes',
    needs: ['freeze'],
    async run(trial) {
      const [sleeper, two] = [await trial.process(), await trial.log()]
      await two.apply([spec('things'), spec('outputs')])
      const a = await member(sleeper.log, 'g', 'things')
      const old = await eventually('a claim', trial.patience, () => a.held()[0])
      await opened(old)
      await sleeper.freeze?.()
      const b = await member(two, 'g', 'things')
      const young = await eventually('the claim of the sleeper', trial.patience, () => b.held()[0])
      await opened(young)
      const late = old.settle({ records: [out('outputs', 'late')], settled: { position: 9, note: 'late' } })
      await sleep(20)
      await sleeper.thaw?.()
      assert.equal((await late).kind, 'fenced')
      assert.deepEqual(await idsIn(two, 'outputs'), [])
      await everyPartitionOnce([a, b], 1, trial, 'awake')
      await Promise.all([a.leave(), b.leave()])
    },
  },
]
