/** A collector that takes traces by OTLP over HTTP, as JSON. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

type Value = {
  stringValue?: string
  intValue?: number
  doubleValue?: number
  arrayValue?: { values: Value[] }
}
type Pair = { key: string; value: Value }
type Place = { traceId: string; spanId: string }
type WireSpan = Place & {
  name: string
  parentSpanId?: string
  kind: number
  attributes: Pair[]
  links?: Place[]
  status: { code?: number }
}
type Request = {
  resourceSpans: { resource: { attributes: Pair[] }; scopeSpans: { spans: WireSpan[] }[] }[]
}

export type Span = Omit<WireSpan, 'attributes' | 'links'> & {
  service: unknown
  attributes: Record<string, unknown>
  links: Place[]
}

export async function startCollector() {
  const spans: Span[] = []
  const raw: string[] = []
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as Request
    raw.push(JSON.stringify(body))
    if (request.url === '/v1/traces') spans.push(...spansOf(body))
    response.setHeader('content-type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    /** All that came, as it came. */
    raw,
    close: () => void server.close(),
  }
}

const spansOf = ({ resourceSpans }: Request): Span[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        ...span,
        service: recordOf(resource.attributes)['service.name'],
        attributes: recordOf(span.attributes),
        links: span.links ?? [],
      })),
    ),
  )

const recordOf = (pairs: Pair[]) => Object.fromEntries(pairs.map(({ key, value }) => [key, read(value)]))
const read = (value: Value): unknown =>
  value.arrayValue ? value.arrayValue.values.map(read) : Object.values(value)[0]
