import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import { lineOf } from './results.ts'
import { openServers, type Servers } from './servers.ts'

/**
 * The long form is `run.ts`: every fault, more records, more blows. `broker-killed` is there and not here: README.md says
 * what is not solved about it.
 */
const records = 1_500
const minutes = 60_000

/** Two readers, the second of which takes some seconds to join, and brokers that have to come back. */
const patience = 4 * minutes

const folder = mkdtempSync(join(tmpdir(), 'gainstream-faults-'))
let servers: Servers | undefined

/** Their own: they are killed. One broker for most, three only while somebody needs them. */
const serversFor = async (brokers: 1 | 3): Promise<Servers> => {
  if (servers?.nodes.length === brokers) return servers
  await servers?.stop()
  servers = undefined
  servers = await openServers(join(folder, `servers-${brokers}`), brokers)
  return servers
}

afterAll(async () => {
  await servers?.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
})

const struck = async ({ name, brokers, run }: Fault) => {
  const own = join(folder, name)
  mkdirSync(own)
  const found = await run(await serversFor(brokers), {
    ...{ records, short: true, seed: 7, stuck: 5_000, folder: own, say: () => {} },
  })
  console.log(lineOf(name, found))
  return found
}

const nothing = { lost: 0, doubled: 0, wrong: [] }
const named = (...names: string[]) => faults.filter(({ name }) => names.includes(name))

describe('live brokers', () => {
  test.each(named('workers-killed', 'worker-stopped', 'answers-cut'))(
    '$name: what was settled is there, once',
    async (fault) => expect(await struck(fault)).toMatchObject(nothing),
    patience,
  )
  test.each(named('topic-anew', 'offsets-deleted'))(
    '$name: it is refused with a sentence, and nothing is doubled',
    async (fault) => expect(await struck(fault)).toMatchObject(nothing),
    patience,
  )
  test.each(named('bad-records', 'stuck-record', 'importer-killed'))(
    '$name: nobody else is kept from anything',
    async (fault) => expect(await struck(fault)).toMatchObject(nothing),
    patience,
  )
  test.each(named('leader-killed'))(
    '$name: what three brokers have acknowledged outlives one of them',
    async (fault) => expect(await struck(fault)).toMatchObject(nothing),
    patience,
  )
})
