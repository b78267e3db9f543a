import type { Command } from 'commander'
import type { Collection } from '../../method/ports.ts'
import { Fatal } from '../../runtime/errors.ts'
import { aliasOf, isBegun, openPlace } from '../collections.ts'
import { configOf, withGlobals, type Globals, type Io } from '../command.ts'
import type { Config } from '../config.ts'
import { table } from '../report.ts'

/** With the collections of a configuration; no model is loaded for a look at them. */
const inPlace = async <T>(config: Config, use: (place: Awaited<ReturnType<typeof openPlace>>) => Promise<T>) => {
  if (!isBegun(config)) throw new Fatal(`nothing is indexed in ${config.data} yet: gainstream index <corpus>`)
  const place = await openPlace(config)
  try {
    return await use(place)
  } finally {
    await place.close()
  }
}

const stateOf = ({ current, manifest: { state, corpus } }: Collection, count: number) => {
  const whole = corpus === null ? '' : ` of ${corpus.count}`
  return state === 'building' ? `being built (${count}${whole})` : current ? 'current' : 'ready'
}

const rowOf = (one: Collection & { readonly count: number }) => {
  const { name, count, manifest } = one
  const { model, dimension } = manifest.encoder
  return [name, String(count), stateOf(one, count), `${model}, ${dimension}`, new Date(manifest.made_at).toISOString()]
}

const list = (io: Io) => (flags: Globals) => {
  const config = configOf(io, flags)
  return inPlace(config, async (place) => {
    const found = await place.list(io.signal)
    const all = await Promise.all(found.map(async (one) => ({ ...one, count: await place.count(one.name, io.signal) })))
    if (flags.json) return io.out(JSON.stringify(all))
    if (all.length === 0) return io.out(`no collections of ${aliasOf(config)} in ${place.name} yet`)
    io.out(table([['collection', 'passages', 'state', 'encoder', 'begun'], ...all.map(rowOf)]))
  })
}

const promote = (io: Io) => (name: string, flags: Globals) =>
  inPlace(configOf(io, flags), async (place) => {
    await place.promote(name, io.signal)
    io.out(flags.json ? JSON.stringify(await place.find(name, io.signal)) : `${name} is what searches read now`)
  })

const drop = (io: Io) => (name: string, flags: Globals) =>
  inPlace(configOf(io, flags), async (place) => {
    if (!(await place.find(name, io.signal)))
      throw new Fatal(`there is no collection ${name} in ${place.name}: gainstream collections lists them`)
    await place.drop(name, io.signal)
    io.out(flags.json ? JSON.stringify({ dropped: name }) : `${name} is gone`)
  })

export const collectionsCommand = (program: Command, io: Io) => {
  const command = program
    .command('collections')
    .description('the collections of passages: which is current, which are built aside or kept')
  withGlobals(command).action(list(io))
  const promoting = command
    .command('promote <name>')
    .description('let searches read it from now on; the one before stays, to go back to')
  withGlobals(promoting).action(promote(io))
  const dropping = command.command('drop <name>').description('delete one that is not current')
  withGlobals(dropping).action(drop(io))
}
