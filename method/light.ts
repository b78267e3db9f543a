/**
 * The light selector: weights of features, fitted to the teacher by the paper's loss, KL(teacher ‖ student) over the
 * passages of a group. The loss is convex in the weights, so Newton's method ends at its one minimum, the same on every
 * run; how long it takes depends on the number of features, not on chance.
 */
import { entropy, softmax } from './group.ts'
import { linearScore, type Linear } from './selector.ts'
import { solved } from './solve.ts'

/** A row of features and a teacher score a passage, in retrieval order. */
export interface LightGroup {
  readonly rows: readonly (readonly number[])[]
  /** Higher is better; nats. */
  readonly scores: readonly number[]
}

export interface LightOptions {
  /** The teacher's softmax is over score / temperature (1). */
  readonly temperature?: number
  /** Weight of ½ · Σ weights², beside the mean loss of a group (0.01). */
  readonly l2?: number
}

export interface FittedLight {
  readonly linear: Linear
  /** Mean KL divergence of a group, nats, without the penalty. */
  readonly loss: number
  /** Mean entropy of the teacher's distributions, nats. */
  readonly entropy: number
  readonly steps: number
}

/** Every column by its mean, and by its standard deviation within a group: what is alike in a group tells nothing. */
const scaling = (groups: readonly LightGroup[], columns: number): { mean: number[]; scale: number[] } => {
  const rows = groups.flatMap((group) => group.rows)
  const mean = Array.from({ length: columns }, (_, c) => rows.reduce((sum, row) => sum + row[c]!, 0) / rows.length)
  const spread = new Float64Array(columns)
  for (const { rows: own } of groups)
    for (let c = 0; c < columns; c++) {
      const middle = own.reduce((sum, row) => sum + row[c]!, 0) / own.length
      for (const row of own) spread[c]! += (row[c]! - middle) ** 2
    }
  const scale = [...spread].map((sum) => Math.sqrt(sum / rows.length))
  return { mean, scale: scale.map((value) => (value > 1e-9 ? value : 1)) }
}

interface Prepared {
  readonly rows: readonly (readonly number[])[]
  readonly teacher: readonly number[]
}

interface Slope {
  readonly value: number
  readonly gradient: Float64Array
  readonly hessian: readonly Float64Array[]
}

const dot = (a: readonly number[] | Float64Array, b: readonly number[] | Float64Array): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** Mean KL divergence and its first two derivatives; ½ · l2 · Σ w² among them. */
const slopeAt = (groups: readonly Prepared[], weights: Float64Array, l2: number): Slope => {
  const columns = weights.length
  const gradient = weights.map((weight) => l2 * weight)
  const hessian = Array.from({ length: columns }, (_, c) => new Float64Array(columns).fill(l2, c, c + 1))
  let value = (l2 / 2) * dot(weights, weights)
  for (const { rows, teacher } of groups) {
    const student = softmax(rows.map((row) => dot(row, weights)))
    value += divergence(teacher, student) / groups.length
    const expected = new Float64Array(columns)
    rows.forEach((row, i) => row.forEach((x, c) => (expected[c]! += student[i]! * x)))
    rows.forEach((row, i) => {
      const [off, share] = [(student[i]! - teacher[i]!) / groups.length, student[i]! / groups.length]
      for (let c = 0; c < columns; c++) {
        gradient[c]! += off * row[c]!
        const own = share * (row[c]! - expected[c]!)
        const line = hessian[c]!
        for (let d = 0; d <= c; d++) line[d]! += own * (row[d]! - expected[d]!)
      }
    })
  }
  return { value, gradient, hessian }
}

/** Σ t · ln(t / s), nats. A student's share that vanished counts as the least number there is. */
export const divergence = (teacher: readonly number[], student: readonly number[]): number =>
  teacher.reduce((sum, t, i) => (t > 0 ? sum + t * Math.log(t / Math.max(student[i]!, Number.MIN_VALUE)) : sum), 0)

const mostSteps = 100

interface Position {
  readonly weights: Float64Array
  readonly slope: Slope
  readonly step: Float64Array
  readonly l2: number
}

/** Where the step leads, halved until it goes no higher. */
const halved = (groups: readonly Prepared[], { weights, slope, step, l2 }: Position) => {
  for (let length = 1; ; length /= 2) {
    const moved = weights.map((weight, c) => weight - length * step[c]!)
    const next = slopeAt(groups, moved, l2)
    if (next.value <= slope.value || length < 1e-12) return { moved, next }
  }
}

/** Newton's steps. */
const minimised = (groups: readonly Prepared[], columns: number, l2: number) => {
  let weights = new Float64Array(columns)
  let slope = slopeAt(groups, weights, l2)
  for (let steps = 0; steps < mostSteps; steps++) {
    const step = solved(slope.hessian, slope.gradient)
    if (dot(step, slope.gradient) < 1e-14) return { weights, steps, value: slope.value }
    const { moved, next } = halved(groups, { weights, slope, step, l2 })
    if (!(next.value < slope.value)) return { weights, steps, value: slope.value }
    ;[weights, slope] = [moved, next]
  }
  return { weights, steps: mostSteps, value: slope.value }
}

/**
 * Fits weights to groups of two passages or more.
 * @param features names of the columns, in their order
 * @throws RangeError for no groups, or an l2 that is not above 0
 */
export const fitLight = (
  groups: readonly LightGroup[],
  features: readonly string[],
  { temperature = 1, l2 = 0.01 }: LightOptions = {},
): FittedLight => {
  if (groups.length === 0) throw new RangeError('there is no group to learn from')
  if (!(l2 > 0)) throw new RangeError('l2 must be above 0: features that say the same have no weights of their own')
  const { mean, scale } = scaling(groups, features.length)
  const prepared = groups.map(({ rows, scores }) => ({
    rows: rows.map((row) => row.map((x, c) => (x - mean[c]!) / scale[c]!)),
    teacher: softmax(scores, temperature),
  }))
  const { weights, steps, value } = minimised(prepared, features.length, l2)
  return {
    linear: { features, mean, scale, weights: [...weights] },
    loss: value - (l2 / 2) * dot(weights, weights),
    entropy: prepared.reduce((sum, { teacher }) => sum + entropy(teacher), 0) / prepared.length,
    steps,
  }
}

/** The place of the highest score; the first of equals. */
export const firstBest = (scores: readonly number[]): number =>
  scores.reduce((best, score, i) => (score > scores[best]! ? i : best), 0)

/** Teacher score of the passage that the weights choose, the first where they are equal. */
export const gainOfLight = (linear: Linear, { rows, scores }: LightGroup): number =>
  scores[firstBest(rows.map((row) => linearScore(linear, row)))]!

export interface ExpectedGains {
  /** Mean teacher score of what stands first in retrieval order, of what is chosen, and of the best passage. */
  readonly first: number
  readonly chosen: number
  readonly oracle: number
}

/** Of at least one group. */
export const expectedGains = (linear: Linear, groups: readonly LightGroup[]): ExpectedGains => {
  const mean = (of: (group: LightGroup) => number) => groups.reduce((sum, group) => sum + of(group), 0) / groups.length
  return {
    first: mean(({ scores }) => scores[0]!),
    chosen: mean((group) => gainOfLight(linear, group)),
    oracle: mean(({ scores }) => Math.max(...scores)),
  }
}
