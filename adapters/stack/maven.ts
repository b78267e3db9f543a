/** The servers' jars, fetched once by Maven into folders that appear only when they are whole. */
import { spawn } from 'node:child_process'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fatal, Unavailable } from '../../runtime/errors.ts'
import { once } from '../models/python.ts'
import type { Java } from './java.ts'

const [kafka, logging, apicurio] = ['4.3.1', '2.25.1', '3.0.9']
/** Of the servers. */
export const versions = { kafka, apicurio }
/** The registry's jar names a parent that is published nowhere: newer versions of this plugin stumble over it. */
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:2.10'

/** What is being done, how much of it, and of how much where that is known. */
export type OnProgress = (what: string, done: number, total?: number) => void

export interface Fetching {
  /** Folder that all projects of this user share. */
  readonly home: string
  readonly java: Java
  readonly env: NodeJS.ProcessEnv
  readonly onProgress?: OnProgress
}

const absent =
  'Maven (mvn) is needed once, to fetch the broker and the registry: install it, or use servers that run elsewhere (kafka.brokers, registry.url)'

/** What Maven says of a failure begins with this, and then says it at length. */
const complaint = (said: string) =>
  (/\[ERROR\] (.+)/.exec(said)?.[1] ?? 'it ended without a word').replace(/ -> \[Help.*/, '').replace(/\.$/, '')

/** Runs Maven to its end, in a folder where no project of somebody else's changes what it does. */
const maven = ({ java, env, onProgress }: Fetching, what: string, cwd: string, args: string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('mvn', ['-B', '-Dstyle.color=never', ...args], {
      cwd,
      env: { ...env, ...(java.home !== undefined && { JAVA_HOME: java.home }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [said, files] = ['', 0]
    const hear = (text: string) => {
      said = (said + text).slice(-16_000)
      files += text.split('Downloaded from').length - 1
      onProgress?.(`fetching ${what}, files`, files)
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Fatal(absent, { cause: error }) : error),
    )
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Unavailable(`${what} cannot be fetched with Maven (${complaint(said)}); is there a network?`)),
    )
  })

const dependency = (group: string, artifact: string, version: string, without: readonly string[] = []) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>` +
  `<exclusions>${without
    .map((name) => `<exclusion><groupId>${group}</groupId><artifactId>${name}</artifactId></exclusion>`)
    .join('')}</exclusions></dependency>`

const project = `<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>broker</artifactId>
<version>1</version><packaging>pom</packaging><dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', kafka)}
${dependency('org.apache.kafka', 'kafka-tools', kafka, ['connect-api', 'connect-json', 'connect-runtime'])}
${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', logging)}
${dependency('org.apache.logging.log4j', 'log4j-core', logging)}
</dependencies></project>
`

/** A download that ended well but is not what it should be is not kept. */
const holds = async (folder: string, name: string, what: string) => {
  if (!(await readdir(folder)).includes(name)) throw new Unavailable(`${what} came without ${name}; try again`)
}

/** Folder of the broker's jars and of its tools' (54 jars or so). @throws Fatal, Unavailable */
export const kafkaJars = async (fetching: Fetching): Promise<string> => {
  const folder = join(fetching.home, `kafka-${kafka}`)
  await once(folder, async (aside) => {
    const pom = join(aside, 'pom.xml')
    await writeFile(pom, project)
    const goal = [`${plugin}:copy-dependencies`, `-DoutputDirectory=${aside}`, '-DincludeScope=runtime']
    await maven(fetching, `Kafka ${kafka}`, aside, goal)
    await rm(pom)
    await holds(aside, `kafka_2.13-${kafka}.jar`, `Kafka ${kafka}`)
  })
  return folder
}

/** The registry's jar, beside its libraries. @throws Fatal, Unavailable */
export const registryJar = async (fetching: Fetching): Promise<string> => {
  const folder = join(fetching.home, `apicurio-${apicurio}`)
  const name = `apicurio-registry-app-${apicurio}-runner.jar`
  await once(folder, async (aside) => {
    const artifact = `io.apicurio:apicurio-registry-app:${apicurio}:tar.gz:all`
    const goal = [`${plugin}:unpack`, `-Dartifact=${artifact}`, `-DoutputDirectory=${aside}`]
    await maven(fetching, `the registry Apicurio ${apicurio}`, aside, goal)
    await holds(aside, name, `the registry Apicurio ${apicurio}`)
  })
  return join(folder, name)
}
