import type { Context } from 'hono'
import { streamEvents } from '../../../infra/http/sse.ts'
import type { Log } from '../../../infra/log.ts'

/** Says when the client of a request hangs up. */
export function clientOf(c: Context): AbortController {
  const gone = new AbortController()
  c.req.raw.signal.addEventListener('abort', () => gone.abort(), { once: true })
  return gone
}

/** Answers event by event; that the client hangs up, which shows when nobody reads on, is told to `gone`. */
export function stream(
  c: Context,
  log: Log,
  events: AsyncGenerator<unknown, void, void>,
  gone: AbortController,
): Promise<Response> {
  return streamEvents(c, events, {
    onDisconnect: () => gone.abort(),
    onError: (error) => log.error({ request: c.var.requestId, err: error }, 'a stream failed'),
  })
}
