import { expect, test } from 'vitest'
import { readConfig } from '../../cli/config.ts'
import { endsAfter, downstream, heeding, parsed, stagesAgain } from '../../cli/replay/downstream.ts'
import { immutable, leaves } from '../../cli/settings.ts'
import { byName } from '../../topics/index.ts'
import { folder, run } from './command.ts'

test('each setting that changes what comes out is heeded by a stage', () => {
  const settings = leaves(immutable(readConfig({ env: {} }))).map(([path]) => path.join('.'))
  expect(settings.length).toBeGreaterThan(20)
  expect(settings.filter((setting) => heeding(setting).length === 0)).toEqual([])
})

test('what follows a topic runs again, of the topologies that the runs have', () => {
  expect(downstream(byName('candidates'))).toEqual(['label', 'distil', 'select', 'generate', 'evaluate'])
  expect(stagesAgain(byName('candidates'), ['synthesis'])).toEqual(['label', 'distil'])
  expect(stagesAgain(byName('gains'), ['synthesis'])).toEqual(['distil'])
  expect(stagesAgain(byName('queries'), ['answering'])).toEqual([
    'imagine',
    'retrieve',
    'select',
    'generate',
    'evaluate',
  ])
  expect([endsAfter(byName('candidates'), 'finding'), endsAfter(byName('drafts'), 'finding')]).toEqual([false, true])
})

test('a topic is named with its stream, whose name may hold dots', () => {
  expect(parsed('my.stream/gains')).toMatchObject({ stream: 'my.stream', topic: { name: 'gains' } })
  expect(() => parsed('gains')).toThrow(
    'gains names no topic of a stream: write <stream>/<topic>, e.g. main/candidates',
  )
  expect(() => parsed('main/passages')).toThrow(
    /^main\/passages cannot be replayed: topics that a stage reads are queries, /,
  )
})

test('flags that say nothing together are refused in a sentence', async () => {
  const { path: cwd, remove } = folder()
  const said = async (...args: string[]) => (await run(['replay', ...args], { cwd })).stderr
  expect(await said('main/gains')).toContain('--as <new stream> runs it again there, --into-stage <stage> here')
  expect(await said('main/gains', '--as', 'x', '--key', 'q')).toContain('--key is for --into-stage')
  expect(await said('main/gains', '--as', 'x', '--stream', 'y')).toContain('--stream y and main/gains name two streams')
  expect(await said('main/gains', '--as', 'x')).toContain('there is no log in .gainstream yet')
  remove()
})
