/** What can go wrong, in OpenAI's words: one table from code to status and type, one shape of answer. */
import { z } from 'zod'

type Kind = { status: number; type: string; retryAfter?: number }

const codes = {
  invalid_value: { status: 400, type: 'invalid_request_error' },
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_file: { status: 400, type: 'invalid_request_error' },
  unsupported_value: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  invalid_adapter: { status: 400, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'invalid_request_error' },
  insufficient_permissions: { status: 403, type: 'invalid_request_error' },
  not_found: { status: 404, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  unknown_url: { status: 404, type: 'invalid_request_error' },
  conflict: { status: 409, type: 'invalid_request_error' },
  /** It was sent before, with the same `Idempotency-Key`. */
  request_in_progress: { status: 409, type: 'invalid_request_error', retryAfter: 1 },
  webhook_unreachable: { status: 400, type: 'invalid_request_error' },
  range_not_satisfiable: { status: 416, type: 'invalid_request_error' },
  file_too_large: { status: 413, type: 'invalid_request_error' },
  headers_too_large: { status: 431, type: 'invalid_request_error' },
  /** Nobody reads this answer; it is for the log. */
  client_gone: { status: 400, type: 'invalid_request_error' },
  server_error: { status: 500, type: 'server_error' },
  /** The queue is full. */
  overloaded: { status: 429, type: 'rate_limit_error', retryAfter: 1 },
  /** The key has asked too much. */
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  /** The database or the storage is away. */
  unavailable: { status: 503, type: 'server_error', retryAfter: 5 },
  shutting_down: { status: 503, type: 'server_error', retryAfter: 5 },
  timeout: { status: 504, type: 'server_error' },
} as const satisfies Record<string, Kind>

export type ErrorCode = keyof typeof codes

type Options = {
  param?: string
  cause?: unknown
  /** In seconds, where it is not the same for all errors of this code. */
  retryAfter?: number
}

/** Something the caller should be told: `message` reaches the client, `cause` only the log. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  /** The request's field at fault as a path, for example `messages[2].content`. */
  readonly param: string | null
  readonly #retryAfter: number | undefined

  constructor(code: ErrorCode, message: string, options: Options = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.#retryAfter = options.retryAfter
    this.param = options.param ?? null
  }

  get status() {
    return codes[this.code].status
  }

  /** Seconds after which it is worth asking again. */
  get retryAfter(): number | undefined {
    const kind: Kind = codes[this.code]
    return this.#retryAfter ?? kind.retryAfter
  }

  /** The answer's JSON. */
  get body(): ErrorBody {
    const { message, param, code } = this
    return { error: { message, type: codes[code].type, param, code } }
  }
}

export const ErrorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
      /** The answer's header `x-request-id`. */
      request_id: z.string().optional(),
    }),
  })
  .meta({ id: 'Error' })
export type ErrorBody = z.infer<typeof ErrorBody>
