import type { Context } from 'hono'
import { toApiError } from '../../../infra/http/errors.ts'
import { streamEvents } from '../../../infra/http/sse.ts'
import type { Log } from '../../../infra/log.ts'
import type { Call } from '../call.ts'

/** Answers event by event; a client that hangs up ends them. */
export function stream(
  c: Context,
  log: Log,
  events: AsyncGenerator<unknown, void, void>,
  call: Call,
): Promise<Response> {
  return streamEvents(c, events, {
    onDisconnect: call.leave,
    onError: (error) => {
      // Others are told in the request's own line: a client that left, a time that was over.
      if (toApiError(error).code === 'server_error')
        log.error({ request: c.var.requestId, err: error }, 'a stream failed')
    },
  })
}
