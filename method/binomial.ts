/** Draws from the binomial and the multinomial distribution in a time that does not grow with what is counted. */

/** Numbers between 0 and 1, neither of them. */
type Uniform = () => number

const small = [0, 0]
for (let k = 2; k < 32; k++) small.push(small[k - 1]! + Math.log(k))

/** ln k!: exact to 1e-13 of its size, by Stirling's series where k is large. */
const logFactorial = (k: number): number =>
  small[k] ??
  k * Math.log(k) - k + Math.log(2 * Math.PI * k) / 2 + 1 / (12 * k) - 1 / (360 * k ** 3) + 1 / (1260 * k ** 5)

/** For few expected successes: the distribution function is climbed until it passes a uniform draw. */
const climbed = (n: number, p: number, uniform: Uniform): number => {
  const odds = p / (1 - p)
  let left = uniform()
  let term = Math.exp(n * Math.log1p(-p))
  let k = 0
  while (left > term && k < n) {
    left -= term
    term *= ((n - k) / (k + 1)) * odds
    k++
  }
  return k
}

/**
 * For many: transformed rejection with squeeze (BTRS of W. Hörmann, "The generation of binomial random variates", 1993),
 * for p ≤ 1/2 and n · p ≥ 10.
 */
const rejected = (n: number, p: number, uniform: Uniform): number => {
  const deviation = Math.sqrt(n * p * (1 - p))
  const b = 1.15 + 2.53 * deviation
  const a = -0.0873 + 0.0248 * b + 0.01 * p
  const centre = n * p + 0.5
  const alpha = (2.83 + 5.1 / b) * deviation
  const mode = Math.floor((n + 1) * p)
  const atMode = logFactorial(mode) + logFactorial(n - mode)
  for (;;) {
    const u = uniform() - 0.5
    const v = uniform()
    const edge = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / edge + b) * u + centre)
    if (edge >= 0.07 && v <= 0.92 - 4.2 / b) return k
    if (k < 0 || k > n) continue
    const height = Math.log((v * alpha) / (a / (edge * edge) + b))
    const ratio = (k - mode) * Math.log(p / (1 - p))
    if (height <= atMode - logFactorial(k) - logFactorial(n - k) + ratio) return k
  }
}

/** Successes among n trials of probability p. */
export const binomial = (n: number, p: number, uniform: Uniform): number => {
  if (n === 0 || p <= 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - binomial(n, 1 - p, uniform)
  return n * p < 10 ? climbed(n, p, uniform) : rejected(n, p, uniform)
}

/** As many draws as there are things, with replacement: how often each kind comes up. `counts` are of each kind. */
export const multinomial = (counts: readonly number[], uniform: Uniform): number[] => {
  let things = counts.reduce((sum, count) => sum + count, 0)
  let draws = things
  return counts.map((count) => {
    const drawn = binomial(draws, count / things, uniform)
    things -= count
    draws -= drawn
    return drawn
  })
}
