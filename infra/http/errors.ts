/** Every failure of a request as OpenAI's error object; causes go to the log and never to the client. */
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { z } from 'zod'
import { ApiError, ErrorBody, type ErrorCode } from '../../contract/errors.ts'
import { isAway } from './away.ts'
import type { Unstorable } from './unstorable.ts'

const wrongType = 'content-type: /openapi.json tells which one this takes; most take application/json'

/** What `error` means for the caller. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof HTTPException && error.status < 500) {
    return new ApiError(codeOf(error), error.status === 415 ? wrongType : error.message, { cause: error })
  }
  if (isAway(error)) {
    const message = 'the database or the storage of this server cannot be reached; ask again soon'
    return new ApiError('unavailable', message, { cause: error })
  }
  return new ApiError('server_error', 'the server failed on this request; its log says why', { cause: error })
}

/** What is wrong with a text that a request has. */
export function fromUnstorable({ path, problem }: Unstorable): ApiError {
  const param = pathOf(path)
  return new ApiError('invalid_value', `${param}: ${problem}`, { param })
}

function codeOf({ status, message }: HTTPException): ErrorCode {
  if (status === 404) return 'not_found'
  if (status === 409) return 'conflict'
  if (status === 413) return 'file_too_large'
  return /JSON/.test(message) ? 'invalid_json' : 'invalid_value'
}

/** The first thing wrong with a request, with its place as `messages[2].content`. */
export function fromZod(error: z.core.$ZodError): ApiError {
  const { param, message } = describe(error.issues[0]!)
  return new ApiError('invalid_value', param ? `${param}: ${message}` : message, {
    param: param || undefined,
  })
}

function describe(issue: z.core.$ZodIssue, outer: PropertyKey[] = []): { param: string; message: string } {
  const path = [...outer, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return { param: pathOf([...path, issue.keys[0]!]), message: 'there is no such field' }
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Of several ways to be right, the one the input came closest to: it went wrong deepest inside.
    const closest = issue.errors.map((issues) => issues[0]!).sort((a, b) => b.path.length - a.path.length)[0]!
    if (closest.path.length > 0) return describe(closest, path)
  }
  const { message } = issue.code === 'invalid_key' ? issue.issues[0]! : issue
  return { param: pathOf(path), message }
}

function pathOf(path: PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('')
}

/** The answer to a request that failed. */
export function answerError(c: Context, error: ApiError): Response {
  c.var.told.error = error.code
  // OpenAI's clients ask again after any conflict; ours does not pass by itself.
  if (error.code === 'conflict') c.header('x-should-retry', 'false')
  if (error.retryAfter !== undefined) c.header('retry-after', String(error.retryAfter))
  return c.json(errorBody(c, error), error.status)
}

/** What the client is told of an error: the request's id finds its cause in the log. */
export function errorBody(c: Context, { body: { error } }: ApiError): ErrorBody {
  return { error: { ...error, request_id: c.var.requestId } }
}

const descriptions = {
  400: 'The request is wrong; `param` names the field',
  401: 'The key is missing or not valid',
  403: 'The key is not for this',
  404: 'There is no such thing',
  409: 'It is in a state that does not allow this',
  413: 'The file, or the request, is too large',
  416: 'There are no such bytes; `content-range` says how many there are',
  429: 'Too many requests; `retry-after` says when to ask again',
  431: 'Address and headers are longer than 16 KiB together',
  503: 'The server stops, or what it needs is away; `retry-after` says when to ask again',
  504: 'The request took longer than is allowed',
} as const

/** Error answers for a route's `responses`: `...errors(400, 404)`. */
export function errors<S extends keyof typeof descriptions>(...statuses: S[]) {
  const answer = (status: S) => ({
    description: descriptions[status],
    content: { 'application/json': { schema: ErrorBody } },
  })
  return Object.fromEntries(statuses.map((status) => [status, answer(status)])) as {
    [status in S]: ReturnType<typeof answer>
  }
}
