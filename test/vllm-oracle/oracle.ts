/** Asks the oracle (oracle.py), and says how far a scorer is from it. */
import { spawn } from 'node:child_process'
import { z } from 'zod'
import type { VllmEnvironment } from '../../adapters/stack/index.ts'
import type { AnswerScore, ScoreRequest, Scores } from '../../method/ports.ts'
import { render } from '../../method/prompt.ts'
import type { Passage } from '../../schemas/passage.ts'

const logs = z.array(z.number())
const Oracle = z.array(
  z.object({
    answers: z.array(z.array(z.int())),
    base: z.array(logs),
    passages: z.array(z.array(z.object({ plain: logs, contrast: z.array(logs) }))),
  }),
)
export type OracleScores = z.infer<typeof Oracle>[number]

/** Threads that wait sleep: where others compute as well, those that spin take ten times as long. */
const patient = { OMP_WAIT_POLICY: 'PASSIVE', GOMP_SPINCOUNT: '0', KMP_BLOCKTIME: '0' }

const messages = ({ template, question }: ScoreRequest, passages: readonly Passage[]) => {
  const { system, user } = render(template, question, passages)
  return [
    { role: 'system', content: system },
    { role: 'user', content: user },
  ]
}

/** In the order of the requests, which have their α in common. @throws with Python's last words */
export const oracle = (
  { python, env }: VllmEnvironment,
  model: string,
  requests: readonly ScoreRequest[],
): Promise<OracleScores[]> => {
  const queries = requests.map((request) => ({
    base: messages(request, []),
    passages: request.passages.map((passage) => messages(request, [passage])),
    answers: request.answers,
  }))
  const script = new URL('oracle.py', import.meta.url).pathname
  return new Promise((resolve, reject) => {
    const child = spawn(python, [script, model], { env: { ...process.env, ...env, ...patient } })
    let [out, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(Oracle.parse(JSON.parse(out)))
      else reject(new Error(`the oracle ended with ${code}: ${said}`))
    })
    child.stdin.end(JSON.stringify({ alphas: requests[0]?.alphas ?? [], queries }))
  })
}

/** Per passage and answer; @throws for a passage that was not scored. */
export const answersOf = ({ passages }: Scores): (readonly AnswerScore[])[] =>
  passages.map((passage) => {
    if ('unscored' in passage) throw new Error(passage.unscored)
    return passage.answers
  })

/** Every figure of a query in one order, one a token. */
export const figuresOf = (base: Scores['base'], passages: readonly (readonly AnswerScore[])[]): number[] => [
  ...base.flat(),
  ...passages.flat().flatMap(({ plain, contrast }) => [...plain, ...contrast.flat()]),
]

const mean = (some: readonly number[]) => some.reduce((a, b) => a + b, 0) / some.length

/** Per passage the least mean negative log-likelihood of a gold, at the α in place `at`. */
export const meanNll = (passages: readonly (readonly AnswerScore[])[], at: number): number[] =>
  passages.map((answers) => Math.min(...answers.map(({ contrast }) => -mean(contrast[at]!))))

const ranks = (values: readonly number[]): number[] => {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  return values.map((_, i) => order.indexOf(i))
}

/** Spearman's rank correlation of lists without ties. */
export const spearman = (a: readonly number[], b: readonly number[]): number => {
  const [ra, rb] = [ranks(a), ranks(b)]
  const squares = ra.reduce((sum, rank, i) => sum + (rank - rb[i]!) ** 2, 0)
  return 1 - (6 * squares) / (a.length * (a.length ** 2 - 1))
}
