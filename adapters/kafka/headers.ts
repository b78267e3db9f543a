/** Kafka's headers are bytes under names that may repeat; the port's are text under names that do not. */
import { isUtf8 } from 'node:buffer'
import type { Headers } from '../../runtime/topic.ts'

type Raw = { readonly [name: string]: Buffer | Buffer[] | null | undefined }

/** No text of ours begins so: what follows is a JSON list of base64 values, given back to Kafka byte for byte. */
const mark = '\0bytes:'

const isPlain = (value: Raw[string]): value is Buffer =>
  Buffer.isBuffer(value) && isUtf8(value) && !value.toString().startsWith('\0')

export const textOf = (headers: Raw): Headers =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      if (isPlain(value)) return [name, value.toString()]
      const all = Array.isArray(value) ? value : [value]
      return [name, mark + JSON.stringify(all.map((each) => each?.toString('base64') ?? null))]
    }),
  )

export const bytesOf = (headers: Headers): { [name: string]: Buffer | Buffer[] } =>
  Object.fromEntries(
    Object.entries(headers).map(([name, text]) => {
      if (!text.startsWith(mark)) return [name, Buffer.from(text)]
      const all = (JSON.parse(text.slice(mark.length)) as (string | null)[]).map((each) =>
        Buffer.from(each ?? '', 'base64'),
      )
      return [name, all.length === 1 && all[0] ? all[0] : all]
    }),
  )
