import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name)

const launch = (...args: string[]) => {
  const launcher = spawn(process.execPath, [fixture('launcher.js'), fixture('child.js'), ...args])
  let output = ''
  launcher.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(launcher, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    output,
  }))
  return { launcher, ended, output: () => output }
}

const until = async (done: () => boolean) => {
  for (const end = Date.now() + 10_000; !done();) {
    if (Date.now() > end) throw new Error('waited 10 s in vain')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const lives = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('handing over to another Node', () => {
  test('forwards arguments as they are, and the standard streams', async () => {
    const { launcher, ended } = launch('tell', 'two words', '--flag=$HOME', '')
    launcher.stdin.end('from outside')
    expect(JSON.parse((await ended).output)).toEqual({
      rest: ['two words', '--flag=$HOME', ''],
      input: 'from outside',
      handedOver: true,
      left: null,
    })
  })

  test('ends with the exit code of what it started', async () => {
    expect(await launch('exit', '37').ended).toMatchObject({ code: 37, signal: null })
    expect(await launch('exit', '0').ended).toMatchObject({ code: 0, signal: null })
  })

  test('ends by the signal that ended what it started', async () => {
    expect(await launch('die').ended).toMatchObject({ code: null, signal: 'SIGKILL' })
  })

  test('forwards one SIGINT as one SIGINT and waits for the end', async () => {
    const { launcher, ended, output } = launch('wait')
    await until(() => output().includes('waiting'))
    launcher.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 7, output: expect.stringContaining('signals 1\n') as string })
  })

  test('takes what it started with it when it is killed', async () => {
    const { launcher, output } = launch('wait')
    await until(() => output().includes('waiting'))
    const pid = Number(/waiting (\d+)/.exec(output())?.[1])
    expect(lives(pid)).toBe(true)
    launcher.kill('SIGKILL')
    await until(() => !lives(pid))
  })
})
