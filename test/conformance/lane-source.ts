import assert from 'node:assert/strict'
import { Fatal } from '../../runtime/errors.ts'
import type { Log } from '../../runtime/log.ts'
import { enter, type Item as Entry, type SourceOptions } from '../../runtime/source.ts'
import { codec, ids, inputs, inputsName, itemOf, named } from './bench.ts'
import type { Case } from './subject.ts'
import { opened, readAll, sleep, spec } from './tools.ts'

const count = 60

const options = (log: Log): SourceOptions => ({
  ...{ log, codec, names: named, partitions: 2, name: 'file', origin: 'a file', now: Date.now },
  signal: new AbortController().signal,
  batch: { records: 5, bytes: 1_000_000 },
})

/** The lines of the file after `from`, each after a moment. */
const lines = (pace: () => number) =>
  async function* (from: number): AsyncGenerator<Entry> {
    for (const [at, id] of ids(count).entries()) {
      if (at < from) continue
      await sleep(pace())
      yield { message: inputs.message({ id }), position: at + 1 }
    }
  }

const entered = async (log: Log) => (await readAll(log, inputsName)).map(({ value }) => itemOf(value).id).sort()

/** What enters from outside: a file's records and how far it was read are one. */
export const sources: Case[] = [
  {
    name: 'I2 an importer that is killed again and again enters each record once, and the same file again adds nothing',
    async run({ process, log, draw }) {
      const reader = await log()
      await reader.apply([spec(inputsName, 2)])
      for (let crash = 0; crash < 4; crash++) {
        const victim = await process()
        enter(
          options(victim.log),
          lines(() => draw(3)),
        ).catch(() => {})
        await sleep(draw(40))
        await victim.crash()
      }
      const last = await enter(
        options(await log()),
        lines(() => 0),
      )
      assert.equal(last.position, count)
      assert.deepEqual(await entered(reader), ids(count).sort())
      assert.deepEqual(
        await enter(
          options(await log()),
          lines(() => 0),
        ),
        { position: count, entered: 0 },
      )
      assert.deepEqual(await entered(reader), ids(count).sort())
    },
  },
  {
    name: 'I4 two importers of one file at once: one is told to stop, and each record entered once',
    async run({ log, draw }) {
      const [one, two] = [await log(), await log()]
      await one.apply([spec(inputsName, 2)])
      const ends = await Promise.allSettled(
        [one, two].map((each) =>
          enter(
            options(each),
            lines(() => draw(3)),
          ),
        ),
      )
      const stopped = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
      assert.ok(stopped.every((reason) => reason instanceof Fatal && /another process/.test(reason.message)))
      await enter(
        options(one),
        lines(() => 0),
      )
      assert.deepEqual(await entered(one), ids(count).sort())
    },
  },
  {
    name: 'I4 an importer that did not hear how its settle ended repeats nothing that another entered since',
    async run({ log }) {
      const [one, two] = [await log(), await log()]
      await one.apply([spec(inputsName, 2)])
      let rivals = 0
      const forgetful: Log = {
        ...one,
        source(group, name) {
          const seat = one.source(group, name)
          return {
            open: (signal) => seat.open(signal),
            close: () => seat.close(),
            async settle(batch) {
              if (rivals++ > 0) return seat.settle(batch)
              // The connection breaks before the commit, and by the time it is back another has done all the work.
              await enter(
                options(two),
                lines(() => 0),
              )
              return { kind: 'unknown', cause: new Error('nobody heard') }
            },
          }
        },
      }
      await enter(
        options(forgetful),
        lines(() => 0),
      ).catch((error: unknown) => assert.ok(error instanceof Fatal, String(error)))
      assert.deepEqual(await entered(two), ids(count).sort())
      const settled = await opened(two.source(named.group('ingest'), 'file'))
      assert.equal(settled?.position, count)
    },
  },
]
