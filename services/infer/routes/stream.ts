import type { Context } from 'hono'
import { streamEvents } from '../../../infra/http/sse.ts'
import type { Log } from '../../../infra/log.ts'
import type { Generation } from '../generate.ts'

/** Answers event by event; a client that hangs up ends them. */
export function stream(c: Context, log: Log, events: AsyncGenerator<unknown, void, void>): Promise<Response> {
  return streamEvents(c, events, {
    onDisconnect: () => void events.return(),
    onError: (error) => log.error({ request: c.var.requestId, err: error }, 'a stream failed'),
  })
}

/** Ends a generation whose client hangs up before the answer. */
export function endWithClient(c: Context, events: Generation): void {
  c.req.raw.signal.addEventListener('abort', () => void events.return(), { once: true })
}
