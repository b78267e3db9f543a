import { expect, test } from 'vitest'
import { cut } from '../../adapters/sqlite/prune.ts'
import { decisions, queries } from '../../topics/index.ts'
import { connection } from '../adapters/sqlite/storage.ts'
import { readAll } from '../conformance/tools.ts'
import { offsets, printed } from './offsets.ts'
import { openTestStream } from './stream.ts'

offsets(() => openTestStream(), {
  trim: async ({ log }, topic) => {
    const db = connection(log)
    await db.change(() => {
      const lanes = db.sql('SELECT l.id, l.next FROM lanes l JOIN topics t ON t.id = l.topic WHERE t.name = ?')
      for (const { id, next } of lanes.all(topic)) cut(db, Number(id), Number(next))
    })
  },
  forget: ({ log }, group) => log.remove({ topics: [], groups: [group] }),
})

test('the command shows a plan, acts with --execute, and asks where to go on', async () => {
  const stream = await openTestStream()
  try {
    const { log, names } = stream.world
    await stream.enter('a.jsonl', [{ id: 'a' }], 'a')
    await stream.work()
    const { position } = (await log.settled(names.group('imagine'), names.topic(queries))).find((each) => each)!
    await log.remove({ topics: [], groups: [names.group('imagine')] })
    await expect(printed(stream, 'imagine')).rejects.toThrow(/--to-earliest or --to-latest/)
    await expect(printed(stream, 'imagine', '--to-earliest', '--to-latest')).rejects.toThrow(/--to-earliest or/)
    const plan = await printed(stream, 'imagine', '--to-latest')
    expect(plan).toMatch(
      /passed over[\s\S]*position lost .*none[\s\S]*lost to this stage\.\nNothing was done yet: add --execute/,
    )
    const written = async () => (await readAll(log, names.topic(decisions))).length
    expect(await written()).toBe(0)
    const said = JSON.parse(await printed(stream, 'imagine', '--to-latest', '--execute', '--json')) as {
      moves: { to: number }[]
      executed: boolean
    }
    expect(said.executed).toBe(true)
    expect(await written()).toBe(1)
    expect(said.moves.map(({ to }) => to)).toEqual([position])
  } finally {
    await stream.close()
  }
})
