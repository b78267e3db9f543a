/** Kafka's headers are bytes under names that may repeat; the port's are text under names that do not. */
import { isUtf8 } from 'node:buffer'
import type { Headers } from '../../runtime/topic.ts'

type Raw = { readonly [name: string]: Buffer | Buffer[] | null | undefined }

/** No text of ours begins so: what follows is a JSON list of base64 values, given back to Kafka byte for byte. */
const mark = '\0bytes:'

const isPlain = (value: Raw[string]): value is Buffer => Buffer.isBuffer(value) && value[0] !== 0 && isUtf8(value)

const marked = (value: Raw[string]): string => {
  const all = Array.isArray(value) ? value : [value]
  return mark + JSON.stringify(all.map((each) => each?.toString('base64') ?? null))
}
const unmarked = (text: string): Buffer | Buffer[] => {
  const all = (JSON.parse(text.slice(mark.length)) as (string | null)[]).map((each) =>
    Buffer.from(each ?? '', 'base64'),
  )
  return all.length === 1 && all[0] ? all[0] : all
}

export const textOf = (headers: Raw): Headers => {
  const texts: { [name: string]: string } = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    texts[name] = isPlain(value) ? value.toString() : marked(value)
  }
  return texts
}

/** Text stays text: it is written as UTF-8. */
export const bytesOf = (headers: Headers): { [name: string]: string | Buffer | Buffer[] } => {
  const values: { [name: string]: string | Buffer | Buffer[] } = {}
  for (const name of Object.keys(headers)) {
    const text = headers[name] ?? ''
    values[name] = text.startsWith(mark) ? unmarked(text) : text
  }
  return values
}
