/** Kafka Streams as the peer: its jars by Maven, its program compiled once, both kept in the state folder. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { home } from '../../cli/config.ts'
import { start, type Child } from './child.ts'

const version = '4.3.1'
const here = join(import.meta.dirname, 'streams')

const built = () => {
  const folder = join(home(process.env), `bench-kafka-streams-${version}`)
  const [libs, classes] = [join(folder, 'libs'), join(folder, 'classes')]
  if (!existsSync(join(libs, `kafka-streams-${version}.jar`))) {
    mkdirSync(libs, { recursive: true })
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${libs}`, '-DincludeScope=runtime']
    execFileSync('mvn', ['-B', '-q', '-f', join(here, 'pom.xml'), ...goal], { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  execFileSync('javac', ['-cp', join(libs, '*'), '-d', classes, join(here, 'Copy.java')], { stdio: 'inherit' })
  return [classes, join(libs, '*')].join(':')
}

export interface Orders {
  readonly brokers: readonly string[]
  readonly application: string
  readonly from: string
  readonly to: string
  readonly commitEvery: number
  readonly compressed: boolean
}

let path: string | undefined

export const startStreams = ({ brokers, application, from, to, commitEvery, compressed }: Orders): Child => {
  path ??= built()
  const state = mkdtempSync(join(tmpdir(), 'gainstream-streams-'))
  const copy = [brokers.join(','), application, from, to, String(commitEvery), compressed ? 'zstd' : 'none', state]
  const child = start('java', ['-Xms256m', '-Xmx1g', '-cp', path, 'Copy', ...copy])
  return {
    ...child,
    async end(signal) {
      await child.end(signal)
      rmSync(state, { recursive: true, force: true })
    },
  }
}
