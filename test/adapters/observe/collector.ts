/** A small OTLP/HTTP collector: keeps the spans that are sent to it, as JSON has them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface Value {
  readonly stringValue?: string
  readonly intValue?: number | string
  readonly doubleValue?: number
  readonly boolValue?: boolean
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string
        readonly spanId: string
        readonly parentSpanId?: string
        readonly name: string
        readonly attributes: readonly { readonly key: string; readonly value: Value }[]
        readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
        readonly status?: { readonly code?: number; readonly message?: string }
      }[]
    }[]
  }[]
}

export interface Seen {
  readonly trace: string
  readonly id: string
  readonly parent: string | undefined
  readonly name: string
  /** Without the prefix of our own. */
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: readonly string[]
  /** Why it failed. */
  readonly failed: string | undefined
}

const spansOf = ({ resourceSpans }: Sent): Seen[] =>
  resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans)
    .map(({ traceId, spanId, parentSpanId, name, attributes, links = [], status }) => ({
      ...{ trace: traceId, id: spanId, parent: parentSpanId || undefined, name },
      attributes: Object.fromEntries(
        attributes.map(({ key, value }) => [key.replace('gainstream.', ''), Object.values(value)[0] as unknown]),
      ),
      links: links.map((link) => link.spanId),
      failed: status?.code === 2 ? (status.message ?? '') : undefined,
    }))

/** @param answer the status with which it answers; `silent` never answers */
export const collector = async (answer: number | 'silent' = 200) => {
  const spans: Seen[] = []
  const paths: string[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      paths.push(request.url ?? '')
      spans.push(...spansOf(JSON.parse(body) as Sent))
      if (answer !== 'silent') response.writeHead(answer, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    paths,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
export type Collector = Awaited<ReturnType<typeof collector>>
