import type { Command } from 'commander'
import { derivedQueryId } from '../ask.ts'
import { openFilled } from '../checks.ts'
import { stagesOfTopology } from '../../processors/index.ts'
import { configOf, inWorld, withGlobals, type Globals, type Io } from '../command.ts'
import { enter } from '../../runtime/source.ts'
import { Fatal } from '../../runtime/errors.ts'
import type { Message, Topic } from '../../runtime/topic.ts'
import type { Answer } from '../../schemas/answer.ts'
import { answers, candidates, queries, rejects } from '../../topics/index.ts'
import { table } from '../report.ts'
import { openRun } from '../runs.ts'
import { sourceOf } from '../streams.ts'
import { work } from '../work.ts'
import type { World } from '../world.ts'

/** The newest record under a key, read from where the topic ended before. */
const find = async <T>({ log, codec, names }: World, topic: Topic<T>, key: string, from: readonly number[]) => {
  for await (const record of log.read(names.topic(topic), { from })) {
    if (record.key?.toString() === key && record.value !== null) {
      return { value: topic.schema ? await codec.decode(topic, record.value) : undefined, headers: record.headers }
    }
  }
  return undefined
}

const ends = async ({ log, names }: World, topic: Topic) =>
  (await log.describe(names.topic(topic)))?.partitions.map(({ end }) => end) ?? []

const why = ({ context, passages }: Answer) => {
  const [first, second] = context.scored
  if (!first || passages === 0) return 'answered without a passage'
  const margin = second ? `, ${(first.score - second.score).toFixed(4)} ahead of the next` : ''
  return `${first.id} was chosen by ${context.selector.name} (score ${first.score.toFixed(4)}${margin})`
}

const act = (io: Io) => async (question: string, flags: Globals) => {
  await inWorld(configOf(io, flags), io, async (opened) => {
    const world = await openFilled(opened, io.signal)
    const id = derivedQueryId(question, world.now())
    const run = 'live'
    const query = { id, question, answers: [], dataset: '', lang: 'en', gold_passage_ids: [] }
    await openRun(world, { run, topology: 'answering', source: '' }, io.signal)
    const before = {
      answers: await ends(world, answers),
      candidates: await ends(world, candidates),
      rejects: await ends(world, rejects),
    }
    const message = queries.message({ run, asked_at: world.now(), query }, { run }) as Message
    await enter(sourceOf(world, `ask/${id}`, 'ask', io.signal), () => [{ message, position: 1 }])
    await work(world, { stages: stagesOfTopology('answering'), what: 'answering', untilEmpty: true }, io.signal)
    const key = `${run}/${id}`
    const answered = await find(world, answers, key, before.answers)
    const found = await find(world, candidates, key, before.candidates)
    if (!answered?.value) {
      const reject = await find(world, rejects, key, before.rejects)
      throw new Fatal(`no answer: ${reject?.headers['reject.reason'] ?? 'the query is still under way'}`)
    }
    const { value: answer } = answered
    if (flags.json) return io.out(JSON.stringify({ ...answer, candidates: found?.value?.passages ?? [] }))
    const scores = new Map(answer.context.scored.map(({ id: passage, score }) => [passage, score]))
    const rows = (found?.value?.passages ?? []).map(({ id: passage, rank, source, title, text }) => [
      String(rank),
      passage,
      (scores.get(passage) ?? 0).toFixed(4),
      source,
      `${title === '' ? '' : `${title}: `}${text}`.slice(0, 70),
    ])
    io.out(table([['rank', 'passage', 'score', 'source', ''], ...rows]))
    io.out(`\n${why(answer)}\n\n${answer.prediction}`)
  })
}

export const askCommand = (program: Command, io: Io) => {
  const command = program
    .command('ask <question>')
    .description('answer one question through the stream: candidates, scores, which was chosen and why, the answer')
  withGlobals(command).action(act(io))
}
