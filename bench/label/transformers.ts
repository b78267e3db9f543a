/** Transformers alone on the same token ids and weights, in each way and dtype, and how far its figures are from ours. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dtype } from '../../adapters/stack/index.ts'
import type { TokenQuery } from '../../cli/bench/raw.ts'
import type { Scores } from '../../method/ports.ts'
import { sentence } from '../../runtime/errors.ts'
import { rounded } from '../kafka/machine.ts'
import { openPeer, ways, type PeerResult, type Way } from './peer.ts'

export interface Alone {
  readonly way: Way
  readonly dtype: Dtype
  readonly passages: number
  readonly passagesPerSecond: number
  readonly cpuSeconds: number
  /** Between its mean negative log-likelihoods and ours. */
  readonly medianNats: number
  readonly furthestNats: number
}

export interface Comparison {
  readonly model: string
  readonly threads: number
  readonly dtypes: readonly Dtype[]
  readonly tokens: readonly TokenQuery[]
  /** What our scorer said of the same queries. */
  readonly scores: readonly Scores[]
  readonly say: (line: string) => void
}

/** Contrastive, per passage and gold. */
const means = ({ passages }: Scores): number[][] =>
  passages.map((one) =>
    'unscored' in one ? [] : one.answers.map(({ contrast: [logs = []] }) => -logs.reduce((a, b) => a + b, 0) / logs.length),
  ) // prettier-ignore

const apart = ({ mean_nll }: PeerResult, ours: readonly (readonly number[])[]): number[] =>
  mean_nll.flatMap((row, p) => row.map((nll, g) => Math.abs(nll - ours[p]![g]!))).toSorted((a, b) => a - b)

/** A way that cannot be had here is said and left out. */
export const alone = async ({ model, threads, dtypes, tokens, scores, say }: Comparison): Promise<Alone[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-bench-'))
  const requests = join(folder, 'requests.json')
  writeFileSync(requests, JSON.stringify(tokens))
  const ours = scores.flatMap(means)
  const rows: Alone[] = []
  try {
    const run = await openPeer()
    for (const dtype of dtypes)
      for (const way of ways) {
        const result = await run({ model, requests, way, dtype, threads })
        const speed = rounded(result.passages / result.seconds)
        const between = apart(result, ours)
        const [median = NaN, furthest = NaN] = [between[between.length >> 1], between.at(-1)]
        const distance = { medianNats: rounded(median, 5), furthestNats: rounded(furthest, 5) }
        say(`Transformers, ${way}, ${dtype}: ${speed} passages/s`)
        rows.push({ way, dtype, passages: result.passages, passagesPerSecond: speed, cpuSeconds: rounded(result.cpu, 1), ...distance }) // prettier-ignore
      }
  } catch (error) {
    say(`no more of Transformers beside ours: ${sentence(error).split('\n')[0] ?? ''}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return rows
}
