/** Linear equations with a symmetric, positive definite matrix. */

/** A = L · Lᵀ; only the lower half of A is read. */
const cholesky = (matrix: readonly Float64Array[]): Float64Array[] => {
  const lower = matrix.map((row) => new Float64Array(row.length))
  for (let i = 0; i < matrix.length; i++)
    for (let j = 0; j <= i; j++) {
      let rest = matrix[i]![j]!
      for (let k = 0; k < j; k++) rest -= lower[i]![k]! * lower[j]![k]!
      lower[i]![j] = i === j ? Math.sqrt(rest) : rest / lower[j]![j]!
    }
  return lower
}

/** x with A · x = b. Holds NaN where A is not positive definite. */
export const solved = (matrix: readonly Float64Array[], right: Float64Array): Float64Array => {
  const lower = cholesky(matrix)
  const x = Float64Array.from(right)
  for (let i = 0; i < x.length; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i]![k]! * x[k]!
    x[i]! /= lower[i]![i]!
  }
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) x[i]! -= lower[k]![i]! * x[k]!
    x[i]! /= lower[i]![i]!
  }
  return x
}
