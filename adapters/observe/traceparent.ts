/** W3C Trace Context, the header `traceparent`: read strictly, because whoever produced it may be anybody. */
import { TraceFlags, type SpanContext } from '@opentelemetry/api'

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const zero = /^0+$/

/** The span that it names; undefined where it names none. Versions to come may say more behind what is known. */
export const readTraceparent = (header: string | undefined): SpanContext | undefined => {
  const [, version, traceId = '', spanId = '', flags = '', more] = form.exec(header ?? '') ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (zero.test(traceId) || zero.test(spanId)) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true }
}

export const writeTraceparent = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0')}`
