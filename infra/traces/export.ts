/** Sends spans to a collector by OTLP over HTTP; the standard's variables, `OTEL_EXPORTER_OTLP_…`, say where and how. */
import { context, type Exception, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Log } from '../log.ts'

type Options = {
  service: string
  version: string
  /** Of the traces that begin here, the share that is kept; a client's own say themselves. */
  share: number
  log: Log
}

/** From now on spans are recorded and sent in batches; answers what sends the last ones. */
export function exportSpans({ service, version, share, log }: Options): () => Promise<void> {
  const warn = (error: Exception) => {
    const reason = typeof error === 'string' ? error : error.message
    log.warn({ reason }, 'traces could not be sent')
  }
  setGlobalErrorHandler(warn)
  const own = resourceFromAttributes({ 'service.name': service, 'service.version': version })
  const provider = new TracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before what we say.
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
  // What no collector takes is lost, which is no reason to fail.
  return () => provider.shutdown().catch(warn)
}
