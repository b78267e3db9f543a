/** A stage whose input is gone is moved by the command, on either engine; only what takes the input away differs. */
import { Command } from 'commander'
import { expect, test } from 'vitest'
import type { Io } from '../../cli/command.ts'
import { offsetsCommand } from '../../cli/commands/offsets.ts'
import { decide, planned, type Plan } from '../../cli/offsets.ts'
import { engine } from '../../runtime/engine.ts'
import { decisions, drafts, queries, rejects, totals } from '../../topics/index.ts'
import type { World } from '../../cli/world.ts'
import type { openTestStream } from './stream.ts'

type Stream = Awaited<ReturnType<typeof openTestStream>>

export interface Thief {
  /** Deletes all records of a topic. */
  readonly trim: (world: World, topic: string) => Promise<void>
  /** Deletes what a group has settled. */
  readonly forget: (world: World, group: string) => Promise<void>
}

const stage = 'imagine'

/** The first stage as a worker of its own: until it has settled everything, or stops with a sentence. */
const worked = async ({ world, stages, signal }: Stream): Promise<string | undefined> => {
  const { log, codec, names, now, observe, tables } = world
  const running = await engine({
    ...{ log, codec, names, now, observe, rejects, totals, decisions, partitions: 3, table: tables.totals },
    stages: stages('synthesis').filter(({ processor }) => processor.name === stage),
  })
  try {
    await running.untilEmpty(signal)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await running.stop()
  }
}

const asked = (run: string, count: number) => Array.from({ length: count }, (_, n) => ({ id: `${run}${n}` }))

const drafted = async ({ world: { log, names } }: Stream) => {
  const keys: string[] = []
  for await (const { key } of log.read(names.topic(drafts))) keys.push(String(key))
  return keys.sort()
}

const keysOf = (run: string, count: number) => asked(run, count).map(({ id }) => `${run}/${id}`)

const all = async (stream: Stream, target: 'earliest' | 'latest', partitions: number[] = []): Promise<Plan> => {
  const plan = await planned(stream.world, stage, partitions, target, stream.signal)
  await decide(stream.world, plan, 'by hand', stream.signal)
  return plan
}

export const offsets = (open: () => Promise<Stream>, { trim, forget }: Thief) => {
  test('a stage that goes on by itself is not moved, and what is no stage or partition is named', async () => {
    const stream = await open()
    try {
      await stream.enter('a.jsonl', asked('a', 12), 'a')
      expect(await worked(stream)).toBeUndefined()
      const asking = (name: string, partitions: number[]) =>
        planned(stream.world, name, partitions, 'latest', stream.signal)
      await expect(asking(stage, [])).rejects.toThrow(/imagine is not stopped on .*queries: it goes on by itself/)
      await expect(asking(stage, [1])).rejects.toThrow(/not stopped on partition 1 of/)
      await expect(asking(stage, [3])).rejects.toThrow(/no partition 3: it has 3/)
      await expect(asking('imagin', [])).rejects.toThrow(/no stage imagin: they are/)
    } finally {
      await stream.close()
    }
  })

  test('a stage whose positions are gone stops with the command, which passes over all that is there', async () => {
    const stream = await open()
    try {
      await stream.enter('a.jsonl', asked('a', 12), 'a')
      expect(await worked(stream)).toBeUndefined()
      await forget(stream.world, stream.world.names.group(stage))
      const said = `gainstream offsets reset imagine --stream ${stream.world.names.stream} --to-earliest --execute`
      expect(await worked(stream)).toContain(said)
      const { moves } = await planned(stream.world, stage, [], 'earliest', stream.signal)
      expect(moves.map(({ obstacle, again, skipped }) => ({ obstacle, again, skipped }))).toEqual(
        Array.from({ length: 3 }, () => ({ obstacle: 'position lost', again: true, skipped: 0 })),
      )
      expect(await worked(stream)).toContain(said) // a plan moves nothing
      const plan = await all(stream, 'latest')
      expect(plan.moves.every(({ to, end, settled }) => to === end && settled === null)).toBe(true)
      await stream.enter('b.jsonl', asked('b', 12), 'b')
      expect(await worked(stream)).toBeUndefined()
      expect(await drafted(stream)).toEqual([...keysOf('a', 12), ...keysOf('b', 12)].sort())
      await forget(stream.world, stream.world.names.group(stage))
      expect(await worked(stream)).toMatch(/no settled position/) // what was decided counts once
    } finally {
      await stream.close()
    }
  })

  test('a stage whose topic was made anew works on the new one', async () => {
    const stream = await open()
    try {
      const { log, names } = stream.world
      const topic = names.topic(queries)
      await stream.enter('a.jsonl', asked('a', 12), 'a')
      expect(await worked(stream)).toBeUndefined()
      await log.remove({ topics: [topic], groups: [] })
      await log.apply([
        { name: topic, partitions: 3, retention: queries.retention, compact: false, maxBytes: queries.maxBytes },
      ])
      await stream.produce(
        ...asked('a', 24)
          .slice(12)
          .map((each) => stream.asked('a', each)),
      )
      expect(await worked(stream)).toMatch(/made anew.*gainstream offsets reset imagine/)
      await all(stream, 'earliest')
      expect(await worked(stream)).toBeUndefined()
      expect(await drafted(stream)).toEqual(keysOf('a', 24).sort())
    } finally {
      await stream.close()
    }
  })

  test('a stage whose input was trimmed goes on with what is kept', async () => {
    const stream = await open()
    try {
      const { names } = stream.world
      await stream.enter('a.jsonl', asked('a', 12), 'a')
      expect(await worked(stream)).toBeUndefined()
      await stream.enter('b.jsonl', asked('b', 12), 'b')
      await trim(stream.world, names.topic(queries))
      await stream.enter('c.jsonl', asked('c', 12), 'c')
      expect(await worked(stream)).toMatch(/were deleted before they were settled.*gainstream offsets reset imagine/)
      const { moves } = await all(stream, 'earliest')
      expect(moves.length).toBeGreaterThan(0)
      for (const { obstacle, to, first, gone, skipped } of moves) {
        expect([obstacle, to, skipped]).toEqual(['trimmed', first, 0])
        expect(gone).toBeGreaterThan(0)
      }
      expect(await worked(stream)).toBeUndefined()
      expect(await drafted(stream)).toEqual([...keysOf('a', 12), ...keysOf('c', 12)].sort())
    } finally {
      await stream.close()
    }
  })
}

/** What the command prints, with these arguments. */
export const printed = async ({ world }: Stream, ...args: string[]): Promise<string> => {
  const lines: string[] = []
  const io: Io = {
    ...{ env: {}, screen: { tty: false, write() {} }, signal: new AbortController().signal },
    out: (text) => void lines.push(text),
  }
  const program = new Command('gainstream').exitOverride()
  offsetsCommand(program, io)
  const where = ['--data', world.config.data, '--stream', world.names.stream]
  await program.parseAsync(['offsets', 'reset', ...args, ...where], { from: 'user' })
  return lines.join('\n')
}
