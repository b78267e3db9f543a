/** Spans for OpenTelemetry, sent in batches over OTLP/HTTP. What becomes of them never disturbs the work. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Span as Otel } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import { sentence } from '../../runtime/errors.ts'
import type { Logger, Origin, Span, Tracer } from '../../runtime/observe.ts'
import { readTraceparent, writeTraceparent } from './traceparent.ts'

export interface TracesOptions {
  /** Of the collector; without a path, `/v1/traces` is meant. Headers come from OTEL_EXPORTER_OTLP_HEADERS. */
  readonly url: string
  /** Of traces that begin here, how many are kept: 0 to 1. */
  readonly sample: number
  readonly logger: Logger
  readonly version: string
  /** Milliseconds that one batch, and the last one, may take (default 5,000). */
  readonly timeout?: number
}

export interface Traces {
  /** What a stream does: its name stands on every span. */
  of(stream: string): Tracer
  /** Sends what is left. Takes no longer than the timeout, and never throws. */
  close(): Promise<void>
}

const endpointOf = (url: string) => {
  const parsed = new URL(url)
  if (parsed.pathname === '/') parsed.pathname = '/v1/traces'
  return parsed.href
}

/** Says once a minute that spans are lost, and says nothing of why but the sentence. */
const remarking = (exporter: SpanExporter, url: string, logger: Logger): SpanExporter => {
  let said = -Infinity
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error && performance.now() - said > 60_000) {
          said = performance.now()
          const error = sentence(result.error).split('\n')[0]
          logger.warn({ collector: new URL(url).host, spans: spans.length, error }, 'traces are not taken')
        }
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
  }
}

/** As its parent is; a piece of work without one as the work is that it is linked to; anything else by ratio. */
const sampler = (ratio: number): Sampler => {
  const byRatio = new TraceIdRatioBasedSampler(ratio)
  const root: Sampler = {
    toString: () => `linked or ${byRatio.toString()}`,
    shouldSample(_context, traceId, _name, _kind, attributes, links) {
      if (links.length === 0 && attributes[linked] === undefined) return byRatio.shouldSample(_context, traceId)
      const seen = links.some(({ context }) => (context.traceFlags & TraceFlags.SAMPLED) !== 0)
      return { decision: seen ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD }
    },
  }
  return new ParentBasedSampler({ root })
}
/** On a span that is about other spans, were there any. */
const linked = 'gainstream.linked'

const spanOf = (span: Otel): Span => ({
  traceparent: writeTraceparent(span.spanContext()),
  say(attributes) {
    if (!span.isRecording()) return
    for (const [name, value] of Object.entries(attributes())) if (value !== undefined) span.setAttribute(name, value)
  },
  fail: (message) => void span.setStatus({ code: SpanStatusCode.ERROR, message }),
})

/** The name only: a message may hold what a record holds. */
const nameOf = (error: unknown) => (error instanceof Error ? error.name : 'unknown')

export const otlpTraces = (options: TracesOptions): Traces => {
  const { url, sample, logger, version, timeout = 5000 } = options
  const exporter = new OTLPTraceExporter({ url: endpointOf(url), timeoutMillis: timeout })
  const batches = new BatchSpanProcessor(remarking(exporter, url, logger), { exportTimeoutMillis: timeout })
  const resource = resourceFromAttributes({ 'service.name': 'gainstream', 'service.version': version })
  const provider = new BasicTracerProvider({ resource, sampler: sampler(sample), spanProcessors: [batches] })
  const tracer = provider.getTracer('gainstream', version)
  const current = new AsyncLocalStorage<Otel>()

  const run = async <T>(span: Otel, work: (span: Span) => Promise<T>): Promise<T> => {
    try {
      return await current.run(span, () => work(spanOf(span)))
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: nameOf(error) })
      throw error
    } finally {
      span.end()
    }
  }
  const begun = (stream: string, name: string, { traceparent, links }: Origin, kind: SpanKind) => {
    const parent = readTraceparent(traceparent)
    const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
    const others = (links?.() ?? []).flatMap((each) => readTraceparent(each) ?? [])
    const attributes = { 'gainstream.stream': stream, ...(links && { [linked]: others.length }) }
    return tracer.startSpan(name, { kind, attributes, links: others.map((of) => ({ context: of })) }, context)
  }
  return {
    of: (stream) => ({
      span: (name, origin, work) => run(begun(stream, name, origin, SpanKind.CONSUMER), work),
      part(name, work) {
        const parent = current.getStore()
        if (!parent) return work({ traceparent: undefined, say() {}, fail() {} })
        const attributes = { 'gainstream.stream': stream }
        const context = trace.setSpan(ROOT_CONTEXT, parent)
        return run(tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context), work)
      },
      mark(name, origin) {
        const span = begun(stream, name, origin, SpanKind.PRODUCER)
        span.end()
        return spanOf(span)
      },
    }),
    async close() {
      const patience = new Promise<void>((resolve) => void setTimeout(resolve, timeout).unref())
      await Promise.race([provider.shutdown().catch(() => {}), patience])
    },
  }
}
