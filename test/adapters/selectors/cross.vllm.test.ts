/** Against Transformers itself, in the Python that vLLM runs in; no server is asked. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { samples } from '../../../adapters/models/samples.ts'
import { python } from '../../../adapters/models/python.ts'
import { openCross } from '../../../adapters/selectors/cross/index.ts'
import { pairOf } from '../../../adapters/selectors/cross/texts.ts'
import { vllmEnvironment } from '../../../adapters/stack/index.ts'
import { choiceOf } from '../../contracts/selector.ts'
import { encoder, home, seeded } from '../../../bench/select/seeded.ts'

const { signal } = new AbortController()
const scratch = mkdtempSync(join(tmpdir(), 'cross-parity-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const questions = [
  ...['Who kept the lighthouse?', 'wann mündet der Rhein?', 'どの火山がシチリア島にありますか', 'где находится музей?'],
  ...['', `${'why '.repeat(300)}is the sky blue?`],
]
const foreign = [
  'エトナ山はシチリア島の火山である。',
  'Эрмитаж — музей в Санкт-Петербурге.',
  'متحف اللوفر في باريس',
  '🦊 naïve café ½ ﬁ',
]
const words = [...samples, ...foreign].join(' ').split(' ')
/** From one word to more than the model takes, of all scripts. */
const pairs = Array.from({ length: 50 }, (_, i) => {
  const length = Math.round(900 ** (i / 49))
  const text = Array.from({ length }, (_, at) => words[(i * 37 + at) % words.length]).join(' ')
  return {
    question: questions[i % questions.length]!,
    choice: choiceOf(`p${i}`, i + 1, { title: i % 3 ? samples[i % 4]! : '', text }),
  }
})

test('fifty pairs of many scripts and lengths have the logits that Transformers gives them', async () => {
  const model = await seeded()
  const [given, out] = [join(scratch, 'pairs.json'), join(scratch, 'found.json')]
  writeFileSync(given, JSON.stringify(pairs.map(({ question, choice }) => pairOf(encoder.pair, question, choice))))
  const args = [join(import.meta.dirname, 'reference.py'), model.original, given, out, String(encoder.max_tokens)]
  await python({ args, environment: await vllmEnvironment({ home }) })
  const reference = JSON.parse(readFileSync(out, 'utf8')) as { tokens: number; logit: number }[]
  expect(reference.filter(({ tokens }) => tokens === encoder.max_tokens).length).toBeGreaterThan(5) // were cut
  const selector = await openCross(model.fp32, { workers: 1 })
  const scores = await Promise.all(pairs.map(({ question, choice }) => selector.score(question, [choice], signal)))
  await selector.close?.()
  const logits = reference.map(({ logit }) => logit)
  expect(Math.max(...logits) - Math.min(...logits)).toBeGreaterThan(1)
  expect(Math.max(...scores.map(([score], i) => Math.abs(score! - logits[i]!)))).toBeLessThanOrEqual(1e-3)
})
