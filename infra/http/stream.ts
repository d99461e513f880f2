import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { toApiError } from './errors.ts'

type Chunk = Uint8Array<ArrayBuffer>

/**
 * Answers with a body that comes bit by bit, as its client reads it. Until it was read to its end, has broken off or its
 * client has gone, it counts as running: for its key's limit, in the log, the metrics and the traces.
 */
export function answerStream(
  c: Context,
  content: ReadableStream<Chunk>,
  status: ContentfulStatusCode,
  headers: Record<string, string>,
): Response {
  const reader = content.getReader()
  if (c.req.method === 'HEAD') {
    void reader.cancel() // nobody is going to read it
    return c.body(null, status, headers)
  }
  const ended = Promise.withResolvers<void>()
  c.set('streamed', ended.promise)
  const fail = (code: string) => {
    c.var.told.error ??= code
    ended.resolve()
  }
  const body = new ReadableStream<Chunk>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          controller.close()
          ended.resolve()
        } catch (error) {
          fail(toApiError(error).code)
          throw error
        }
      },
      cancel(reason) {
        fail('client_gone')
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 }, // nothing is read ahead of the client, beside what `content` reads itself
  )
  return c.body(body, status, headers)
}
