import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { ApiError } from '../../contract/errors.ts'
import type { HttpEnv } from './app.ts'

/** Of what is read into memory: a conversation of millions of words. */
export const maxBody = 16 * 2 ** 20 // bytes

const limited = bodyLimit({
  maxSize: maxBody,
  onError: () => {
    throw new ApiError('file_too_large', `the request is larger than the ${maxBody} bytes that it may have`)
  },
})

/** Refuses bodies that are too large; forms pass, which stream and have limits of their own. */
export const limitBody: MiddlewareHandler<HttpEnv> = (c, next) => {
  // With a caller: mounted in another app of ours, which has done this already.
  const isForm = c.req.header('content-type')?.startsWith('multipart/')
  return c.var.caller || isForm ? next() : limited(c, next)
}
