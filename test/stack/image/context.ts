/**
 * The image of broker and registry, made FROM scratch so that no image registry is needed: a Java runtime, the C library
 * and shell of this machine, and the same jars that the local stack runs.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { librariesOf } from './libraries.ts'

/** Folders of this machine. */
export interface Parts {
  /** A Java runtime that needs nothing but the C library. */
  readonly java: string
  readonly kafka: string
  readonly registry: string
}

/** Where the image has them. */
export const inImage = { java: '/opt/java/bin/java', kafka: '/opt/kafka', registry: '/opt/registry', work: '/data' }

/** The layer that changes least first. WORKDIR makes the folder, which nothing else in an empty image can. */
const dockerfile = `FROM scratch
COPY machine/ /
COPY java/ /opt/java/
COPY registry/ ${inImage.registry}/
COPY kafka/ ${inImage.kafka}/
ENV PATH=/opt/java/bin:/bin
WORKDIR /tmp
WORKDIR ${inImage.work}
`

/** What a broker and a registry load; the rest of a runtime draws and prints and would ask for far more libraries. */
const loaded = [
  'bin/java',
  'lib/server/libjvm.so',
  ...['java', 'net', 'nio', 'zip', 'extnet'].map((n) => `lib/lib${n}.so`),
]

interface Placed {
  readonly from: string
  readonly to: string
}

const inside = (folder: string, to: string): Placed[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => ({ from: join(folder, name), to: `${to}/${name}` }))

const machine = (java: string): Placed[] => {
  const shell = '/bin/sh'
  const libraries = librariesOf(
    [...loaded.map((name) => join(java, name)), shell],
    [join(java, 'lib'), join(java, 'lib/server')],
  )
  return [shell, ...libraries].map((path) => ({ from: realpathSync(path), to: `machine${path}` }))
}

export interface Context {
  /** Of everything that goes in: the same files always make the same image. */
  readonly hash: string
  /** Lays the files out in an empty folder. */
  write(folder: string): void
}

/** @throws where a library that Java needs is missing here */
export const contextOf = ({ java, kafka, registry }: Parts): Context => {
  const files = [
    ...machine(java),
    ...inside(java, 'java').filter(({ to }) => !/^java\/(legal|include|man)\//.test(to)),
    ...inside(registry, 'registry'),
    ...inside(kafka, 'kafka'),
  ]
  const hash = createHash('sha256').update(dockerfile)
  for (const { from, to } of files) hash.update(`${to}\n`).update(readFileSync(from))
  return {
    hash: hash.digest('hex').slice(0, 16),
    write(folder) {
      writeFileSync(join(folder, 'Dockerfile'), dockerfile)
      for (const { from, to } of files) {
        mkdirSync(dirname(join(folder, to)), { recursive: true })
        cpSync(from, join(folder, to))
      }
    },
  }
}
