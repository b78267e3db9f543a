/** The settings of a derived stream: the source's, and over them what --set says. */
import type { StreamEntry } from '../../schemas/control.ts'
import { configOf, type Globals, type Io } from '../command.ts'
import { contentOf, put, type Config } from '../config.ts'
import { deciding } from '../encoder-settings.ts'
import { immutable, leaves, settingsIn } from '../settings.ts'

export interface Change {
  readonly setting: string
  readonly from: unknown
  readonly to: unknown
}

const nameOf = (assignment: string) => assignment.split('=')[0] ?? ''

/** Settings that change what comes out. */
const isContent = (config: Config, name: string) =>
  Object.keys(contentOf(config)).includes(name.split('.')[0] ?? '') ||
  Object.keys(deciding(config.encoder)).some((each) => name === `encoder.${each}`) ||
  ['reader.engine', 'reader.model', 'reader.context', 'vllm.model', 'vllm.context'].includes(name)

/** The configuration under which the source is looked at: what --set says of content is for the derived stream. */
export const sourceConfig = (io: Io, flags: Globals, stream: string): Config => {
  const { reader: _reader, ...others } = flags
  const plain = configOf(io, { ...others, set: [], stream })
  return configOf(io, { ...others, stream, set: flags.set.filter((each) => !isContent(plain, nameOf(each))) })
}

const bySet = (origin: string | undefined) => origin === '--reader' || (origin?.startsWith('--set ') ?? false)

/** The configuration of the derived stream; only what --set says counts as chosen. @throws Fatal */
export const derivedConfig = (io: Io, flags: Globals, source: StreamEntry, stream: string): Config => {
  const theirs = settingsIn(source)
  const dotted = theirs.filter(([path]) => path.every((part) => !part.includes('.')))
  const defaults = Object.fromEntries(dotted.map(([path, value]) => [path.join('.'), value]))
  const read = configOf(io, { ...flags, stream }, {}, defaults)
  const isSet = (path: readonly string[]) =>
    path.some((_, at) => bySet(read.chosen?.get(path.slice(0, at + 1).join('.'))))
  const config = structuredClone(read)
  for (const [path, value] of theirs) if (!isSet(path)) put(config, path, value)
  const chosen = new Map([...(read.chosen ?? [])].filter(([, origin]) => bySet(origin)))
  return { ...config, partitions: source.partitions, chosen }
}

/** Settings that change what comes out and are not what they were. */
export const changes = (source: StreamEntry, config: Config): Change[] => {
  const before = new Map(settingsIn(source).map(([path, value]) => [path.join('.'), value]))
  return leaves(immutable(config)).flatMap(([path, to]) => {
    const setting = path.join('.')
    const from = before.get(setting)
    return from === to ? [] : [{ setting, from, to }]
  })
}
