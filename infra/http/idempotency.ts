/**
 * `Idempotency-Key`: a POST that is sent again with the same key within a day is answered as it was the first time, and
 * done once. Only what succeeded is kept; what failed changed nothing, and may be tried again with the same key.
 */
import { createHash } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { ApiError } from '../../contract/errors.ts'
import type { Database, Transaction } from '../db/client.ts'
import type { Log } from '../log.ts'
import type { HttpEnv } from './app.ts'
import {
  type Claim,
  claimRequest,
  keepAnswer,
  leaseSeconds,
  releaseClaim,
  renewClaim,
} from './kept-answers.ts'

const header = 'idempotency-key'

/** Longer answers are not kept; only streams of very many tokens get there. */
const mostKept = 4 * 2 ** 20 // characters

export function idempotency({ db, log }: { db: Database; log: Log }): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const key = c.req.header(header)
    const { caller } = c.var
    if (key === undefined || c.req.method !== 'POST' || !caller || c.var.claim) return next()
    if (!/^[\x21-\x7e]{1,255}$/.test(key))
      throw new ApiError('invalid_value', `${header}: expected 1 to 255 letters, digits and signs of ASCII`, {
        param: header,
      })
    const found = await claimRequest(db, caller.project, key, await fingerprintOf(c))
    switch (found.is) {
      case 'other':
        throw new ApiError(
          'invalid_value',
          `${header}: another request was sent with this key; a key stands for one request`,
          { param: header },
        )
      case 'running':
        throw new ApiError('request_in_progress', 'this request is being worked on; ask again for its answer')
      case 'done': {
        const { status, contentType, body } = found.answer
        if (body === null)
          throw new ApiError(
            'conflict',
            'this request was done, and its answer holds a secret that is shown once',
          )
        return new Response(body, {
          status,
          headers: { 'content-type': contentType, 'idempotent-replayed': 'true' },
        })
      }
      case 'new':
        c.set('claim', found.claim)
        await work(c, found.claim, next)
    }
  }

  async function work(c: Context<HttpEnv>, claim: Claim, next: () => Promise<void>): Promise<void> {
    const lose = (error: unknown) => log.error({ request: c.var.requestId, err: error }, 'answer not kept')
    const renewal = setInterval(() => void renewClaim(db, claim).catch(lose), (leaseSeconds / 3) * 1000)
    /** Without a text, nothing was done or its answer is not to be had again. */
    const settle = async (text: string | undefined) => {
      clearInterval(renewal)
      const [status, contentType] = [c.res.status, c.res.headers.get('content-type') ?? '']
      const body = c.var.secret ? null : text
      if (body === undefined || c.var.told.error) await releaseClaim(db, claim).catch(lose)
      else await keepAnswer(db, claim, { status, contentType, body }).catch(lose)
    }
    await next()
    const { res } = c
    if (!res.ok) return settle(undefined)
    if (!c.var.streamed) return settle(await res.clone().text())
    c.res = new Response(res.body!.pipeThrough(collector(settle)), res)
  }
}

/** Keeps the answer in the transaction that does what was asked for: both are kept, or neither. */
export type Keep = (tx: Transaction, answer: unknown, status?: 200 | 201) => Promise<void>

/**
 * For what must not be made twice, even when its process dies, or its connection is lost, before it could answer.
 * @throws ApiError when another process has taken the work: it counted this one as dead
 */
export const keepIn = (c: Context<HttpEnv>): Keep => {
  const { claim } = c.var
  return async (tx, answer, status = 200) => {
    if (!claim) return
    const body = c.var.secret ? null : JSON.stringify(answer)
    const kept = { status, contentType: 'application/json', body }
    if (!(await keepAnswer(tx, claim, kept)))
      throw new ApiError('request_in_progress', 'this request is being worked on; ask again for its answer')
  }
}

/** The same request has the same fingerprint. Of uploads, which pass through, only how long they are is compared. */
async function fingerprintOf(c: Context<HttpEnv>): Promise<string> {
  const isForm = c.req.header('content-type')?.startsWith('multipart/')
  const body = isForm ? (c.req.header('content-length') ?? '') : new Uint8Array(await c.req.arrayBuffer())
  return createHash('sha256').update(`${c.req.method} ${c.req.path}\n`).update(body).digest('hex')
}

/** Passes a stream on and calls `settle` with its text; without, when it was cut off or is too long. */
function collector(
  settle: (text: string | undefined) => Promise<void>,
): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder()
  let text: string | undefined = ''
  const transformer: Transformer<Uint8Array, Uint8Array> & { cancel(): Promise<void> } = {
    transform(chunk, controller) {
      if (text !== undefined) text += decoder.decode(chunk, { stream: true })
      if (text !== undefined && text.length > mostKept) text = undefined
      controller.enqueue(chunk)
    },
    flush: () => settle(text),
    /** The client hung up. */
    cancel: () => settle(undefined),
  }
  return new TransformStream(transformer)
}
