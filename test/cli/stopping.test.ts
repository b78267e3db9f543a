import { expect, onTestFinished, test } from 'vitest'
import { unlessStopped } from '../../cli/stopping.ts'
import { folder, launch } from './command.ts'

test('Ctrl-C while no broker answers ends at once, with 130', async () => {
  const { path, remove } = folder()
  onTestFinished(remove)
  const { child, ended, said } = launch(['start', '--engine', 'kafka', '--set', 'kafka.brokers=127.0.0.1:1'], {
    cwd: path,
  })
  await new Promise((resolve) => setTimeout(resolve, 3000))
  const asked = Date.now()
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
  expect(said()).toMatch(/gainstream: stopped\n$/)
  expect(Date.now() - asked).toBeLessThan(10_000) // it would ask for a minute
})

test('what is made after the stop is ended, and what is made in time is handed on', async () => {
  const stop = new AbortController()
  const ended: string[] = []
  const late = async (made: string) => void ended.push(made)
  expect(await unlessStopped(Promise.resolve('in time'), stop.signal, late)).toBe('in time')
  let make: (made: string) => void = () => {}
  const waiting = unlessStopped(new Promise<string>((resolve) => (make = resolve)), stop.signal, late)
  stop.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
  make('too late')
  await new Promise((resolve) => setImmediate(resolve))
  expect(ended).toEqual(['too late'])
})
