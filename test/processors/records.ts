/** Records and doubles for the tests of the processors, and a step taken as the runtime takes it. */
import { expect } from 'vitest'
import type { Reader, Reading, Scorer, ScoreRequest, Scores } from '../../method/ports.ts'
import type { Attempt, Processor } from '../../runtime/processor.ts'
import type { Message, Topic } from '../../runtime/topic.ts'
import type { Candidates } from '../../schemas/candidates.ts'
import { avroCodec } from '../../schemas/codec.ts'
import type { Identity, Usage } from '../../schemas/identity.ts'
import type { Candidate } from '../../schemas/passage.ts'
import type { Query } from '../../schemas/query.ts'
import { memoryRegistry } from '../schemas/memory-registry.ts'

export const never = new AbortController().signal
export const attempt: Attempt = { run: 'r', number: 2, avoid: ['lost'], alone: true }

export const identity: Identity = {
  model: 'm',
  revision: 'r',
  dtype: 'q8_0',
  server: 's',
  runner: '',
  plugin: '',
  prompt: null,
}
/** One of several servers behind a port. */
export const server: Identity = { ...identity, server: 'vLLM 0.32.0', runner: 'v2', plugin: 'gain-logits 0.1.0' }
export const usage: Usage = { calls: 2, prompt_tokens: 30, output_tokens: 4, cache_hits: 1, seconds: 0.5 }
/** The usage above as a processor's tally names it. */
export const cost = { calls: 2, prompt_tokens: 30, output_tokens: 4, cache_hits: 1, reader_seconds: 0.5 }
export const freeOfCost = { calls: 0, prompt_tokens: 0, output_tokens: 0, cache_hits: 0, reader_seconds: 0 }

export const query = (more: Partial<Query> = {}): Query => ({
  id: 'nq/12',
  question: 'Which river flows through Vienna?',
  answers: ['Danube'],
  dataset: 'nq',
  lang: 'en',
  gold_passage_ids: [],
  ...more,
})

export const asked = (more: Partial<Query> = {}) => ({ run: 'monday', asked_at: 1000, query: query(more) })
/** Key of all that belongs to the query above. */
export const key = 'monday/nq/12'

export const candidatesOf = (passages: Candidate[], more: Partial<Query> = {}): Candidates => ({
  ...asked(more),
  passages,
})

/** A reader that always says the same, and what it was asked. `more`: besides text and usage. */
export const readerSaying = (text: string, more: Partial<Reading> = {}) => {
  const requests: unknown[] = []
  const said = async (request: unknown, signal: AbortSignal, hint: unknown): Promise<Reading> => {
    requests.push({ request, signal, hint })
    return { text, usage, cut: null, ...more }
  }
  const reader: Reader = { identity, answer: said, imagine: said }
  return { reader, requests }
}

/** A scorer that answers with what it is told, and what it was asked. */
export const scorerOf = (score: (request: ScoreRequest) => Omit<Scores, 'usage'>, exact = true) => {
  const requests: { request: ScoreRequest; signal: AbortSignal; hint: unknown }[] = []
  const scorer: Scorer = {
    identity,
    exact,
    async score(request, signal, hint) {
      requests.push({ request, signal, hint })
      return { ...score(request), usage }
    },
  }
  return { scorer, requests }
}

const codec = avroCodec(memoryRegistry(), { subject: (topic) => `${topic}-value`, strict: true })

/** What was encoded, strictly by its topic's schema, and decoded is what was meant. */
const travels = async (topic: Topic, value: unknown) => {
  await codec.prepare([topic])
  expect(await codec.decode(topic, codec.encode(topic, value))).toEqual(value)
}

/**
 * A step as the runtime takes it: the value and every output fit their schemas to the field, the outputs go where the
 * processor says, and headers are left to the runtime.
 */
export const taken = async <In, Ports>(processor: Processor<In, Ports>, value: In, ports: Ports) => {
  await travels(processor.from, value)
  const outputs = await processor.step(value, ports, never, attempt)
  for (const { topic, value, headers } of outputs) {
    expect(processor.to).toContain(topic)
    await travels(topic, value)
    expect(headers).toEqual({})
  }
  return { outputs, tally: processor.tally?.(value, outputs) }
}

/** The only output of a step: its topic, its key and its value. */
export const single = <T>(outputs: readonly Message[], topic: Topic<T>): { key: string; value: T } => {
  expect(outputs.map((message) => message.topic.name)).toEqual([topic.name])
  const { key, value } = outputs[0]!
  return { key, value: value as T }
}
