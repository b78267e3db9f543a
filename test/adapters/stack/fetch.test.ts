import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { java, majorOf } from '../../../adapters/stack/java.ts'
import { kafkaJars, registryJar } from '../../../adapters/stack/maven.ts'
import { folder } from '../../cli/command.ts'

let here: ReturnType<typeof folder>
let home: string
beforeEach(() => {
  here = folder()
  home = join(here.path, 'home')
  mkdirSync(home)
})
afterEach(() => here.remove())

/** A program of that name, and a PATH on which it is found first. */
const program = (name: string, script: string) => {
  const path = join(here.path, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return { PATH: `${here.path}:/usr/bin:/bin` }
}
const machine = { command: 'java', home: undefined }
const halfway =
  'for each in "$@"; do case $each in -DoutputDirectory=*) echo half > "${each#*=}/kafka.jar";; esac; done'

describe('a download', () => {
  test.each([kafkaJars, registryJar])('that breaks off leaves nothing behind (%o)', async (fetch) => {
    const env = program('mvn', `${halfway}; echo "[ERROR] Could not transfer artifact -> [Help 1]"; exit 1`)
    await expect(fetch({ home, java: machine, env })).rejects.toThrow(
      /cannot be fetched with Maven \(Could not transfer artifact\); is there a network\?/,
    )
    expect(readdirSync(home)).toEqual([])
  })

  test('that ends well without what was wanted is not kept', async () => {
    const env = program('mvn', halfway)
    await expect(kafkaJars({ home, java: machine, env })).rejects.toThrow(/came without kafka_2\.13-.*\.jar/)
    expect(readdirSync(home)).toEqual([])
  })

  test('is not tried again for what is there', async () => {
    const env = program(
      'mvn',
      `for each in "$@"; do case $each in -DoutputDirectory=*) touch "\${each#*=}/kafka_2.13-4.3.1.jar";; esac; done`,
    )
    const first = await kafkaJars({ home, java: machine, env })
    const again = await kafkaJars({ home, java: machine, env: program('mvn', 'exit 1') })
    expect([again, readdirSync(first)]).toEqual([first, ['kafka_2.13-4.3.1.jar']])
  })

  test('without Maven ends with a sentence that says what to install', async () => {
    const env = { PATH: here.path }
    await expect(kafkaJars({ home, java: machine, env })).rejects.toThrow(/^Maven \(mvn\) is needed once.*install it/)
  })
})

describe('Java', () => {
  const version = (text: string) => `echo 'openjdk version "${text}" 2025-04-15' >&2`

  test.each([
    ['17.0.15', 17],
    ['25', 25],
    ['1.8.0_392', 8],
  ])('%s is version %i', (text, major) => {
    program('java', version(text))
    expect(majorOf(join(here.path, 'java'))).toBe(major)
  })

  test('of JAVA_HOME goes before that of PATH, unless it is too old', async () => {
    const at = join(here.path, 'given', 'bin')
    mkdirSync(at, { recursive: true })
    const env = { ...program('java', version('21.0.1')), JAVA_HOME: join(here.path, 'given') }
    const given = (text: string) => {
      writeFileSync(join(at, 'java'), `#!/bin/sh\n${version(text)}\n`)
      chmodSync(join(at, 'java'), 0o755)
      return java(home, env)
    }
    expect(await given('17.0.1')).toEqual({ command: join(at, 'java'), home: env.JAVA_HOME })
    expect(await given('11.0.2')).toEqual({ command: join(here.path, 'java'), home: undefined })
  })
})
