/** Which pairs one run of the model takes, and what comes out of it. */
import type { InferenceSession } from 'onnxruntime-node'
import { Fatal } from '../../../runtime/errors.ts'
import type { CrossEncoder } from '../../../method/selector.ts'
import { feeds, type Row } from '../../onnx/feeds.ts'

export interface RunLimits {
  readonly pairs: number
  /** Padding counted. A pair that is longer goes alone. */
  readonly tokens: number
}

/** Places of the rows, the longest first, cut into runs in which little is padded. */
export const runsOf = (rows: readonly Row[], { pairs, tokens }: RunLimits): number[][] => {
  const order = rows.map((_, at) => at).sort((a, b) => rows[b]!.ids.length - rows[a]!.ids.length || a - b)
  const runs: number[][] = []
  while (order.length > 0) {
    const longest = rows[order[0]!]!.ids.length
    runs.push(order.splice(0, Math.max(1, Math.min(pairs, Math.floor(tokens / longest)))))
  }
  return runs
}

type Read = Pick<CrossEncoder, 'inputs' | 'output'>

/** One logit a row, in their order, as they come out: not one of them need be finite. */
export const logitsOf = async (
  session: InferenceSession,
  rows: readonly Row[],
  read: Read,
  limits: RunLimits,
): Promise<Float32Array> => {
  const logits = new Float32Array(rows.length)
  for (const run of runsOf(rows, limits)) {
    const found = await once(session, run.map((at) => rows[at]!), read) // prettier-ignore
    run.forEach((at, i) => (logits[at] = found[i]!))
  }
  return logits
}

const once = async (session: InferenceSession, rows: readonly Row[], { inputs, output }: Read) => {
  const outputs = await session.run(feeds(inputs, rows), [output])
  const found = outputs[output]!
  const { dims, type, data } = found
  if (type !== 'float32' || data.length !== rows.length || dims[0] !== rows.length)
    throw new Fatal(
      `the model's output '${output}' is ${type} [${dims.join(', ')}] for ${rows.length} pairs; ` +
        'a cross-encoder gives each pair one logit, float32 [pairs] or [pairs, 1]',
    )
  const logits = (data as Float32Array).slice()
  found.dispose()
  return logits
}

/** @throws Fatal with a sentence that says which name the model does not have, or wants */
export const checkNames = ({ inputNames, outputNames }: InferenceSession, { inputs, output }: Read): void => {
  const list = (names: readonly string[]) => names.join(', ')
  if (list([...inputs].sort()) !== list([...inputNames].sort()))
    throw new Fatal(`the model's inputs are ${list(inputNames)}; selector.json says encoder.inputs: ${list(inputs)}`)
  if (!outputNames.includes(output))
    throw new Fatal(`the model's outputs are ${list(outputNames)}; selector.json says encoder.output: ${output}`)
}
