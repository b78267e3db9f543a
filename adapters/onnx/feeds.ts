/** Token ids as a BERT-like model takes them. */
import { Tensor } from 'onnxruntime-node'
import { Fatal } from '../../runtime/errors.ts'

export interface Row {
  readonly ids: readonly number[]
  /** Kind of each token; absent: 0 for all. */
  readonly types?: readonly number[]
}

const values: Readonly<Record<string, (row: Row, at: number) => number>> = {
  input_ids: ({ ids }, at) => ids[at]!,
  attention_mask: () => 1,
  token_type_ids: ({ types }, at) => types?.[at] ?? 0,
}

/** One tensor an input, int64 [rows, tokens of the longest], filled up with 0 at the end. */
export const feeds = (names: readonly string[], rows: readonly Row[]): Record<string, Tensor> => {
  const length = Math.max(...rows.map(({ ids }) => ids.length))
  const filled = (value: (row: Row, at: number) => number) => {
    const data = new BigInt64Array(rows.length * length)
    rows.forEach((row, r) => row.ids.forEach((_, at) => (data[r * length + at] = BigInt(value(row, at)))))
    return new Tensor('int64', data, [rows.length, length])
  }
  return Object.fromEntries(
    names.map((name) => {
      const value = values[name]
      if (value === undefined) throw new Fatal(`the model wants an input '${name}' that an encoder does not have`)
      return [name, filled(value)]
    }),
  )
}
