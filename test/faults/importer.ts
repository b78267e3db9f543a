/** A process that brings a file of queries into a stream on Kafka, with no stage running: `importer.ts FLAGS STREAM FILE`. */
import { readConfig } from '../../cli/config.ts'
import { bring, queryFile } from '../../cli/import.ts'
import { openStream } from '../../cli/streams.ts'
import { openWorld } from '../../cli/world.ts'

const [flags = '{}', stream = '', path = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const write = (text: string) => void process.stderr.write(text)
const io = { env: {}, out: write, screen: { tty: false, write }, signal }
const config = readConfig({ env: {}, flags: { ...(JSON.parse(flags) as Record<string, string>), stream } })

const opened = await openWorld(config, io.screen, {}, { create: true })
try {
  const world = await openStream(opened, signal)
  const entry = await bring(world, io, { path, kind: queryFile(undefined), run: 'imported', topology: 'synthesis' })
  process.stdout.write(JSON.stringify(entry))
} finally {
  await opened.close()
}
