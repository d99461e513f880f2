/** Streamed answers: server-sent events as OpenAI's clients read them, `data: {…}` and at last `data: [DONE]`. */
import type { Context } from 'hono'
import { errorBody, toApiError } from './errors.ts'
import { answerStream } from './stream.ts'

const utf8 = new TextEncoder()
const frame = (data: string) => utf8.encode(`data: ${data}\n\n`)

type Listeners = {
  /** The client went away: stop the work. May be called twice, and after the last event. */
  onDisconnect(): void
  /** `events` threw after the first one; the client is told in an event of its own. */
  onError(error: unknown): void
}

/**
 * Answers with `events`, each sent as JSON as soon as it comes and no sooner than the client reads.
 * Waits for the first: what `events` throws before it is thrown here, and answered with its proper status.
 */
export async function streamEvents(
  c: Context,
  events: AsyncGenerator<unknown, void, void>,
  { onDisconnect, onError }: Listeners,
): Promise<Response> {
  c.req.raw.signal.addEventListener('abort', onDisconnect, { once: true })
  let next: Promise<IteratorResult<unknown, void>> | undefined = Promise.resolve(await events.next())
  let gone = false

  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await (next ?? events.next())
        next = undefined
        if (gone) return
        controller.enqueue(frame(done ? '[DONE]' : JSON.stringify(value)))
        if (!done) return
        controller.close()
      } catch (error) {
        if (gone) return
        const told = toApiError(error)
        c.var.told.error = told.code
        onError(error)
        controller.enqueue(frame(JSON.stringify(errorBody(c, told))))
        controller.close()
      }
    },
    async cancel() {
      gone = true
      onDisconnect()
      await events.return()
    },
  })
  return answerStream(c, body, 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no', // nginx would hold events back
  })
}
