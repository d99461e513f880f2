/** What is done, as spans of OpenTelemetry: ids, counts and durations, never text. Without an exporter they are nothing. */
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

const tracer = trace.getTracer('preamble')

/** The place of the span that runs, as W3C's `traceparent`: a row keeps that of what made it. */
export function tracePlace(): string | null {
  const carrier: { traceparent?: string } = {}
  propagation.inject(context.active(), carrier)
  return carrier.traceparent ?? null
}

const at = (place: string | null): Context =>
  place === null ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent: place })

/** Links the span that runs to what it builds on: a job to its file, an answer to the job that made its adapter. */
export function buildsOn(place: string | null): void {
  const origin = trace.getSpanContext(at(place))
  if (origin) trace.getActiveSpan()?.addLink({ context: origin })
}

/** Says more of the span that runs. */
export function tell(attributes: Attributes): void {
  trace.getActiveSpan()?.setAttributes(attributes)
}

/** For the log, so that a line leads to its trace. */
export function traceIds(): { trace_id?: string; span_id?: string } {
  const span = trace.getActiveSpan()?.spanContext()
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {}
}

/** Does `work` in a span of its own. */
export const inSpan = <T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> =>
  tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work()
    } catch (error) {
      fail(error, span)
      throw error
    } finally {
      span.end()
    }
  })

/** The same for what another process began, perhaps long ago: as a part of its trace. */
export const inSpanOf = <T>(
  place: string | null,
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> => context.with(at(place), () => inSpan(name, attributes, work))

/** A span that its caller ends, and what puts work into it. */
export function beginSpan(name: string, attributes: Attributes) {
  const span = tracer.startSpan(name, { attributes })
  const inside = trace.setSpan(context.active(), span)
  return { span, run: <T>(work: () => T): T => context.with(inside, work) }
}

/** A span of what is over by now; `since` is a time in ms, as `Date.now()` gives it. */
export const pastSpan = (name: string, since: number, attributes: Attributes = {}): void =>
  tracer.startSpan(name, { attributes, startTime: since }).end()

/** Marks the span that runs, or another, as failed. Only the kind of the error is told: its message may hold text. */
export function fail(error: unknown, span: Span | undefined = trace.getActiveSpan()): void {
  const { code, name } = error as { code?: unknown; name?: string }
  span?.setAttribute('error.type', String(code ?? name))
  span?.setStatus({ code: SpanStatusCode.ERROR })
}

export type Answered = { requestId: string; method: string; route: string; status: number; error?: string }

/** Does a request in a span that is a part of its client's trace where that names one; `answered` ends it. */
export function inRequest<T>(
  headers: Headers,
  work: (answered: (answer: Answered) => void) => Promise<T>,
): Promise<T> {
  const client = propagation.extract(ROOT_CONTEXT, headers, {
    get: (from, name) => from.get(name) ?? undefined,
    keys: (from) => [...from.keys()],
  })
  return tracer.startActiveSpan('request', { kind: SpanKind.SERVER }, client, (span) =>
    work(({ requestId, method, route, status, error }) => {
      span.updateName(`${method} ${route}`)
      span.setAttributes({ 'http.request.method': method, 'http.route': route })
      span.setAttributes({ 'http.response.status_code': status, 'preamble.request.id': requestId })
      if (error) span.setAttribute('error.type', error)
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    }),
  )
}
