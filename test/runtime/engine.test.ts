import { expect, test } from 'vitest'
import { bind, engine } from '../../runtime/engine.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Log } from '../../runtime/log.ts'
import { unobserved } from '../../runtime/observe.ts'
import { bulk } from '../../runtime/policy.ts'
import { processor } from '../../runtime/processor.ts'
import { table } from '../../runtime/table.ts'
import { codec, inputs, logOf, named, outputs, rejects, totals, type Thing } from './records.ts'

const copy = (name: string) =>
  processor<Thing, object>({
    ...{ name, from: inputs, to: [outputs], policy: bulk({ commitEvery: 5 }) },
    step: async (value) => [outputs.message(value)],
  })

test('when one stage cannot begin, those that have begun leave their groups before it is told', async () => {
  const log = await logOf([inputs, outputs, rejects, totals])
  const left: string[] = []
  const watched: Log = {
    ...log,
    async join(request) {
      if (request.group === named.group('paste')) throw new Fatal('no permission')
      const membership = await log.join(request)
      return {
        async leave() {
          await membership.leave()
          left.push(request.group)
        },
      }
    },
  }
  const began = engine({
    ...{ log: watched, codec, names: named, partitions: 2, rejects, totals, observe: unobserved, now: Date.now },
    ...{ stages: [bind(copy('copy'), {}), bind(copy('paste'), {})], table: table(log, named.topic(totals)) },
  })
  await expect(began).rejects.toThrow('no permission')
  expect(left).toEqual([named.group('copy')])
})
