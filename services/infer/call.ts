/** One request for text: what may end it early, and what is told of it. */
import type { Context } from 'hono'
import { ApiError } from '../../contract/errors.ts'
import type { Lifetime } from '../../infra/http/lifetime.ts'
import type { Told } from './meter.ts'

export type Call = {
  /** Aborted when its client is gone, its time is over, or the server has to end. */
  signal: AbortSignal
  /** Says that the client is gone. */
  leave(): void
  /** For the request's line in the log. */
  told: Told
}

type Limits = { requestTimeout: number; lifetime: Lifetime }

/** @param requestTimeout the longest that a request may take, in ms */
export function beginCall(c: Context, { requestTimeout, lifetime }: Limits): Call {
  const gone = new AbortController()
  const leave = () => gone.abort()
  c.req.raw.signal.addEventListener('abort', leave, { once: true })
  const over = AbortSignal.timeout(requestTimeout)
  return { signal: AbortSignal.any([gone.signal, over, lifetime.ending]), leave, told: c.var.told }
}

/** Why a call was ended, for its client. */
export function whyEnded({ signal: { reason } }: Call): ApiError {
  if (reason instanceof ApiError) return reason
  if (reason?.name === 'TimeoutError')
    return new ApiError(
      'timeout',
      'the answer was not complete in the time that a request may take here; ask for fewer tokens, or in a stream',
    )
  return new ApiError('client_gone', 'the client hung up before the answer was complete')
}
