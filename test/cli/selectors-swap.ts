/** Swaps under load, rollback and shadow, on whichever log a stream has. */
import { expect, onTestFinished, test } from 'vitest'
import { promote, rollback, unwatch, watch } from '../../cli/selectors/entries.ts'
import { hash } from '../../method/random.ts'
import { queryKey } from '../../topics/index.ts'
import type { TestStream } from './stream.ts'
import { selecting, selectorFolders } from './swapping.ts'

const total = 2000
const minute = 60_000

export const swaps = (open: (...set: string[]) => Promise<TestStream>) => {
  const opened = async (...set: string[]) => {
    const stream = await open('select.by=model', ...set)
    onTestFinished(() => stream.close())
    return stream
  }

  test(
    '2,000 queries while five selectors are promoted and a spoilt one is offered: none lost, none doubled, each with the name of who chose',
    { timeout: 3 * minute },
    async () => {
      const stream = await opened()
      const { world, signal } = stream
      const { make, spoil } = selectorFolders()
      const five = await Promise.all([1, 2, 3, 4, 5].map((n) => make(`light-${n}`, n)))
      const spoilt = await make('spoilt', 9)
      spoil(spoilt)
      await promote(world, five[0]!, '', signal)
      const stage = await selecting(stream)
      await stage.open('load')
      let next = 0
      const feed = async (n: number) => {
        const ids = Array.from({ length: Math.min(n, total - next) }, (_, i) => `q${next + i}`)
        next += ids.length
        if (ids.length > 0) await stage.feed('load', ids)
        return ids
      }
      const flowing = async () => void (await feed(5))
      const chosenBy = (sha256: string) =>
        stage.until((all) => all.some((one) => one.selector.sha256 === sha256), flowing)
      for (const one of five.slice(0, 3)) {
        if (one !== five[0]) await promote(world, one, '', signal)
        await Promise.all([feed(150), feed(150)])
        await chosenBy(one.sha256)
      }
      await promote(world, spoilt, '', signal)
      await stage.until(() => stage.alarms.length > 0, flowing)
      const meanwhile = await feed(200)
      await stage.until((all) => meanwhile.every((id) => all.some(({ query }) => query.id === id)))
      for (const one of five.slice(3)) {
        await promote(world, one, '', signal)
        await feed(200)
        await chosenBy(one.sha256)
      }
      while (next < total) await feed(100)
      await stage.until((all) => all.length >= total)
      await stage.end()

      const found = await stage.read()
      expect([found.length, new Set(found.map(({ query }) => query.id)).size]).toEqual([total, total])
      expect(new Set(found.map(({ selector }) => selector.sha256))).toEqual(new Set(five.map(({ sha256 }) => sha256)))
      const while_refused = found.filter(({ query }) => meanwhile.includes(query.id))
      expect(new Set(while_refused.map(({ selector }) => selector.name))).toEqual(new Set(['light-3']))
      expect(stage.alarms).toEqual([
        `selector ${spoilt.sha256.slice(0, 12)}… cannot be used in stream main; light-3 (${five[2]!.sha256.slice(0, 12)}…) stays in force`,
      ])
    },
  )

  test(
    'a worker that begins while a spoilt one is wanted goes on with the one before',
    { timeout: minute },
    async () => {
      const stream = await opened()
      const { make, spoil } = selectorFolders()
      const [good, spoilt] = [await make('good', 1), await make('spoilt', 2)]
      await promote(stream.world, good, '', stream.signal)
      spoil(spoilt)
      await promote(stream.world, spoilt, '', stream.signal)
      const stage = await selecting(stream)
      await stage.open('after')
      await stage.feed('after', ['1'])
      await stage.until((all) => all.length === 1)
      await stage.end()
      expect((await stage.read())[0]!.selector.name).toBe('good')
      expect(stage.alarms).toHaveLength(1)
    },
  )

  test(
    'nothing promoted: retrieval order; then each one that is promoted, and back with each rollback',
    { timeout: minute },
    async () => {
      const stream = await opened()
      const { world, signal } = stream
      const { make } = selectorFolders()
      const [one, two] = [await make('one', 1), await make('two', 2)]
      const stage = await selecting(stream)
      await stage.open('steps')
      const chooses = async (name: string) => {
        let n = 0
        await stage.until(
          (all) => all.some(({ query, selector }) => query.id.startsWith(`${steps}/`) && selector.name === name),
          () => stage.feed('steps', [`${steps}/${n++}`]),
        )
        steps++
      }
      let steps = 0
      await chooses('retrieval order')
      await promote(world, one, '', signal)
      await chooses('one')
      await promote(world, two, 'better', signal)
      await chooses('two')
      await rollback(world, 'worse', signal)
      await chooses('one')
      await rollback(world, '', signal)
      await chooses('retrieval order')
      await stage.end()
      await expect(rollback(world, '', signal)).rejects.toThrow('there is no selector to go back to in stream main')
    },
  )

  test(
    'a watched selector changes no answer, and scores exactly the share of queries that their keys say',
    { timeout: minute },
    async () => {
      const stream = await opened()
      const { world, signal } = stream
      const { make } = selectorFolders()
      const [one, two] = [await make('one', -1), await make('two', 2)]
      const ids = Array.from({ length: 300 }, (_, i) => `q${i}`)
      await promote(world, one, '', signal)
      await watch(world, two, 0.3, signal)
      const stage = await selecting(stream)
      for (const run of ['watched', 'alone']) {
        await stage.open(run)
        if (run === 'alone') {
          await unwatch(world, signal)
          await stage.open('settling')
          let n = 0
          const isOver = (all: readonly { run: string; query: { id: string }; shadow: unknown }[]) =>
            all
              .filter((each) => each.run === 'settling')
              .slice(-40)
              .filter(({ shadow }) => shadow === null).length === 40
          await stage.until(isOver, () => stage.feed('settling', [`s${n++}`]))
        }
        await stage.feed(run, ids)
        await stage.until((all) => all.filter((each) => each.run === run).length === ids.length)
      }
      await stage.end()
      const of = (all: Awaited<ReturnType<typeof stage.read>>, run: string) =>
        all.filter((each) => each.run === run).sort((a, b) => ids.indexOf(a.query.id) - ids.indexOf(b.query.id))
      const all = await stage.read()
      const [watched, alone] = [of(all, 'watched'), of(all, 'alone')]
      const answers = (some: typeof all) => some.map(({ kept, scored, selector, abstained }) => ({ kept, scored, selector, abstained })) // prettier-ignore
      expect(answers(watched)).toEqual(answers(alone))
      const expected = ids.filter((id) => hash(queryKey('watched', id), 0x5ad0) < 0.3 * 2 ** 32)
      const shadowed = watched.filter(({ shadow }) => shadow !== null)
      expect(shadowed.map(({ query }) => query.id)).toEqual(expected)
      expect(expected.length).toBeGreaterThan(60)
      const shadow = { selector: { name: 'two', sha256: two.sha256 }, chosen: 'p0' } // the longest; the other one takes the shortest
      expect(shadowed[0]!.shadow).toMatchObject(shadow)
      expect(shadowed[0]!.kept[0]!.id).toBe('p9')
    },
  )
}
