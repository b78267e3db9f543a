import { workerData } from 'node:worker_threads'
import { serve } from '../../../adapters/thread/serve.ts'
import { Fatal, Rejected } from '../../../runtime/errors.ts'

let calls = 0

await serve(async () => {
  if (workerData === 'unfit') throw new Fatal('nothing to work with')
  return {
    count: () => ({ value: ++calls }),
    refuse: () => {
      throw new Rejected('not like this')
    },
    never: () => new Promise(() => {}),
    die: () => {
      setImmediate(() => {
        throw new Error('out of paper')
      })
      return new Promise(() => {})
    },
    leave: () => process.exit(3),
  }
})
