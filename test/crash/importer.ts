/** A process that brings a file of queries into a stream, with no stage running: `importer.ts FOLDER FILE`. */
import { bring, queryFile } from '../../cli/import.ts'
import { openStream } from '../../cli/streams.ts'
import { within } from './audit.ts'

const [folder = '', path = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const write = (text: string) => void process.stderr.write(text)
const io = { env: {}, out: write, screen: { tty: false, write }, signal }

await within(folder, async (opened) => {
  const world = await openStream(opened, signal)
  const entry = await bring(world, io, { path, kind: queryFile(undefined), run: 'imported', topology: 'synthesis' })
  process.stdout.write(JSON.stringify(entry))
})
