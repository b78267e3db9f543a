/** What a training says to people. */
import type { TrainedSelector } from '../../adapters/trainer/index.ts'
import { harmless, table } from '../report.ts'
import type { LightReport } from './light.ts'
import type { Material } from './material.ts'
import type { Overlap } from './overlap.ts'

const nats = (value: number | null): string => (value === null ? '-' : value.toFixed(4))
const percent = (value: number): string => (100 * value).toFixed(1)

/** What is learned from and what is not. */
export const materialText = ({ train, dev, leftOut, unranked, trained }: Material, overlap: Overlap | null): string => {
  const { filtered, withoutGroup, otherMeasure } = leftOut
  const aside = [
    ...(filtered > 0 ? [`${filtered} filtered (--filtered takes them)`] : []),
    ...(withoutGroup > 0 ? [`${withoutGroup} with fewer than two passages`] : []),
    ...(otherMeasure > 0 ? [`${otherMeasure} of another measure`] : []),
  ]
  const lines = [
    `${train.length} groups to learn from, ${dev.length} set aside, of ${trained.run} (${trained.measure}, α ${trained.alpha})`,
    ...(aside.length > 0 ? [`left out: ${aside.join(', ')}`] : []),
    ...(unranked.passages > 0
      ? [
          `${unranked.passages} of ${unranked.of} retrieved passages carry no score of a ranking: nothing is learned from ` +
            'these of how they were retrieved (samples of an older version, or candidates of your own)',
        ]
      : []),
  ]
  if (!overlap) return lines.map(harmless).join('\n')
  const { queries, questions, passages, either } = overlap
  return [
    ...lines.map(harmless),
    `of ${queries} queries to be evaluated ${either} are in common: ${questions} by question, ${passages} by gold passage`,
  ].join('\n')
}

const warned = (chosen: number | null, first: number | null): string[] =>
  chosen === null || first === null || chosen > first
    ? []
    : ['it chooses no better than retrieval order does: do not put it in force']

export const lightText = ({ selector, folder, groups, entropy, loss, gain, hit, weights }: LightReport): string => {
  const sorted = Object.entries(weights).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
  return [
    `${selector.name} ${selector.sha256.slice(0, 12)} in ${folder}`,
    `entropy of the teacher ${nats(entropy)} nats a group, KL divergence left ${nats(loss)}`,
    '',
    ...(gain
      ? [
          `on ${groups.dev} groups set aside`,
          table([
            ['', 'expected gain', ...(hit ? [`hit@1 (${hit.n} with gold passages)`] : [])],
            ['retrieval order', nats(gain.first), ...(hit ? [percent(hit.first)] : [])],
            ['selector', nats(gain.chosen), ...(hit ? [percent(hit.chosen)] : [])],
            ['the teacher itself', nats(gain.oracle), ...(hit ? [percent(hit.teacher)] : [])],
          ]),
          '(expected gain: mean teacher score −ln(perplexity + 1) of the chosen passage)',
          ...warned(gain.chosen, gain.first),
        ]
      : ['no group was set aside: nothing is known of how well it chooses']),
    '',
    'weights, per standard deviation within a group',
    table([['feature', 'weight'], ...sorted.map(([name, weight]) => [name, weight.toFixed(3)])]),
  ].join('\n')
}

export const crossText = ({ folder, int8Folder, metrics }: TrainedSelector): string => {
  const { steps, seconds, loss, entropy, gain, first, oracle, parity } = metrics
  return [
    `${folder}${int8Folder === undefined ? '' : `, and with weights of 8 bits ${int8Folder}`}`,
    `${steps} steps in ${seconds.toFixed(0)} s, loss ${nats(loss)}, entropy of the teacher ${nats(entropy)} nats a group`,
    `expected gain on the groups set aside: retrieval order ${nats(first)}, selector ${nats(gain)}, the teacher itself ${nats(oracle)}`,
    ...warned(gain, first),
    `largest difference to the trained model over ${parity.pairs} pairs: ${parity.fp32.toExponential(1)}`,
  ].join('\n')
}
