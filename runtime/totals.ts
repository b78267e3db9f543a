import type { Tally } from './processor.ts'

/**
 * What a stage has settled of a run in one partition, folded in the lane and written in the lane's own transaction
 * (I2): viewers read only these, whatever the number of records.
 */
export interface Totals {
  stream: string
  run: string
  stage: string
  partition: number
  /** `<outcome>`, and `<outcome>: <reason>` where there is one. */
  counts: Record<string, number>
  sums: Record<string, number>
  /** `<group>/<figure>`: float64 little-endian, the sum first, then one sum per bootstrap replicate. */
  replicates: Record<string, Buffer>
  updated_at: number
  /** Outcomes of the last minutes: `<minute since 1970>` for outputs, `<minute>: rejected`. */
  recent: Record<string, number>
}

/** So many minutes are told apart in `recent`, the one under way among them. */
export const recentMinutes = 10
export const minuteOf = (at: number): number => Math.floor(at / 60_000)

export const replicates = 200

/**
 * Key of the sums of the weights of all records with the same set of figures: a figure's mean is its sum over the
 * weights of the sets that it is in, so that a record without it does not count.
 */
const weightOf = (figures: readonly string[]) => `#${figures.toSorted().join('+')}`
const holds = (key: string, figure: string) => key.startsWith('#') && key.slice(1).split('+').includes(figure)

/** Cumulative Poisson(1) probabilities: the number of them below a uniform draw is Poisson(1) distributed. */
const poisson = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].reduce<{ term: number; sums: number[] }>(
  ({ term, sums }, n) => {
    const next = n === 0 ? Math.exp(-1) : term / n
    return { term: next, sums: [...sums, (sums.at(-1) ?? 0) + next] }
  },
  { term: 1, sums: [] },
).sums

const fnv1a = (text: string) => {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/**
 * How often a record counts in each bootstrap replicate (Poisson bootstrap): the same for the same id wherever it is
 * folded, so that intervals come out of a stream without a second pass. Generator: mulberry32 seeded by FNV-1a.
 */
export const bootstrapWeights = (id: string): Float64Array => {
  let state = fnv1a(id)
  return Float64Array.from({ length: replicates }, () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    const uniform = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    return poisson.filter((sum) => sum <= uniform).length
  })
}

const doubles = (bytes: Buffer | undefined): Float64Array =>
  bytes === undefined
    ? new Float64Array(replicates + 1)
    : Float64Array.from({ length: replicates + 1 }, (_, i) => bytes.readDoubleLE(i * 8))

const bytesOf = (values: Float64Array): Buffer => {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, i) => bytes.writeDoubleLE(value, i * 8))
  return bytes
}

const added = (record: Readonly<Record<string, number>>, key: string, amount: number) => (record[key] ?? 0) + amount

/** What has had its outcome lately: how fast a run goes can be seen by whoever reads the totals. */
const recently = (before: Readonly<Record<string, number>>, tallies: readonly Tally[], at: number) => {
  const minute = minuteOf(at)
  const recent = Object.fromEntries(
    Object.entries(before).filter(([slot]) => Number.parseInt(slot, 10) > minute - recentMinutes),
  )
  for (const { outcome, times = 1 } of tallies) {
    const slot = outcome === 'rejected' ? `${minute}: rejected` : `${minute}`
    if (outcome !== 'retried') recent[slot] = added(recent, slot, times)
  }
  return recent
}

/** A fold step: the totals with these tallies in them; the given totals stay as they are. */
export const fold = (totals: Totals, tallies: readonly Tally[], at: number): Totals => {
  const counts = { ...totals.counts }
  const sums = { ...totals.sums }
  const touched = new Map<string, Float64Array>()
  const replicated = (key: string) => {
    const found = touched.get(key) ?? doubles(totals.replicates[key])
    touched.set(key, found)
    return found
  }
  for (const { id, outcome, reason, sums: amounts = {}, figures, times = 1 } of tallies) {
    counts[outcome] = added(counts, outcome, times)
    if (reason) counts[`${outcome}: ${reason}`] = added(counts, `${outcome}: ${reason}`, times)
    for (const [name, amount] of Object.entries(amounts)) sums[name] = added(sums, name, amount)
    if (!figures) continue
    const weights = bootstrapWeights(id)
    for (const [name, value] of Object.entries({ ...figures.values, [weightOf(Object.keys(figures.values))]: 1 })) {
      const into = replicated(`${figures.group}/${name}`)
      into[0]! += value
      weights.forEach((times, b) => (into[b + 1]! += times * value))
    }
  }
  const folded = Object.fromEntries([...touched].map(([key, values]) => [key, bytesOf(values)]))
  const recent = recently(totals.recent, tallies, at)
  return { ...totals, counts, sums, replicates: { ...totals.replicates, ...folded }, updated_at: at, recent }
}

/** Totals of several partitions as one. */
export const merged = (parts: readonly Omit<Totals, 'stream' | 'run' | 'stage' | 'partition'>[]) => {
  const counts: Record<string, number> = {}
  const sums: Record<string, number> = {}
  const recent: Record<string, number> = {}
  const figures: Record<string, Float64Array> = {}
  for (const part of parts) {
    for (const [key, n] of Object.entries(part.counts)) counts[key] = added(counts, key, n)
    for (const [key, n] of Object.entries(part.sums)) sums[key] = added(sums, key, n)
    for (const [key, n] of Object.entries(part.recent)) recent[key] = added(recent, key, n)
    for (const [key, bytes] of Object.entries(part.replicates)) {
      addedTo((figures[key] ??= new Float64Array(replicates + 1)), doubles(bytes))
    }
  }
  return { counts, sums, figures, recent, updated_at: Math.max(0, ...parts.map((part) => part.updated_at)) }
}

export interface Estimate {
  readonly n: number
  readonly mean: number
  /** 95 % percentile interval over the Poisson-bootstrap replicates. */
  readonly low: number
  readonly high: number
}

const addedTo = (into: Float64Array, values: Float64Array) => values.forEach((value, i) => (into[i]! += value))

const estimate = (sums: Float64Array, weights: Float64Array): Estimate => {
  const means = [...sums].slice(1).map((sum, b) => sum / weights[b + 1]!)
  const sorted = means.filter(Number.isFinite).sort((a, b) => a - b)
  const at = (p: number) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN
  return { n: weights[0]!, mean: sums[0]! / weights[0]!, low: at(0.025), high: at(0.975) }
}

/** Means with intervals per group and figure, out of merged totals. */
export const estimates = (
  figures: Readonly<Record<string, Float64Array>>,
): Record<string, Record<string, Estimate>> => {
  const groups: Record<string, Record<string, Float64Array>> = {}
  for (const [key, sums] of Object.entries(figures)) {
    const cut = key.lastIndexOf('/')
    ;(groups[key.slice(0, cut)] ??= {})[key.slice(cut + 1)] = sums
  }
  const ofGroup = (own: Readonly<Record<string, Float64Array>>) =>
    Object.entries(own)
      .filter(([name]) => !name.startsWith('#'))
      .map(([name, sums]) => {
        const weights = new Float64Array(replicates + 1)
        for (const [key, of] of Object.entries(own)) if (holds(key, name)) addedTo(weights, of)
        return [name, estimate(sums, weights)] as const
      })
  return Object.fromEntries(Object.entries(groups).map(([group, own]) => [group, Object.fromEntries(ofGroup(own))]))
}
