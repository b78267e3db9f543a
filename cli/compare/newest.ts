/** What a run of any stream left in a topic, each query once. */
import { names, type Topic } from '../../runtime/topic.ts'
import type { World } from '../world.ts'

/** The newest value of each query of a run, one after the other: a query that was worked on again counts once. */
export async function* newest<T>(
  { log, codec, config }: World,
  { stream, run }: { readonly stream: string; readonly run: string },
  topic: Topic<T>,
): AsyncGenerator<T> {
  const name = names(config.prefix, stream).topic(topic)
  if (!(await log.describe(name))) return
  const last = new Map<string, string>()
  const own = (key: Buffer | null) => (key?.toString().startsWith(`${run}/`) === true ? key.toString() : undefined)
  for await (const { key, partition, position } of log.read(name)) {
    const text = own(key)
    if (text !== undefined) last.set(text, `${partition}/${position}`)
  }
  for await (const { key, value, partition, position } of log.read(name)) {
    const text = own(key)
    if (text === undefined || value === null || last.get(text) !== `${partition}/${position}`) continue
    yield await codec.decode(topic, value)
  }
}
