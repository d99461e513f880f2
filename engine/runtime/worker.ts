/** The thread's side: runs async generators by name and posts what they yield. */
import { parentPort } from 'node:worker_threads'
import type { Call, Reply } from './thread.ts'

const running = new Map<number, Record<'stop' | 'pause', AbortController>>()

parentPort!.on('message', (call: Call) => {
  if (call.type === 'start') void stream(call)
  else running.get(call.id)?.[call.type].abort()
})

async function stream({ id, module, name, argument }: Extract<Call, { type: 'start' }>): Promise<void> {
  const post = (reply: Reply) => parentPort!.postMessage(reply)
  const stop = new AbortController()
  const pause = new AbortController()
  running.set(id, { stop, pause })
  try {
    const exports = (await import(module)) as Record<
      string,
      (argument: unknown, stop: AbortSignal, pause: AbortSignal) => AsyncIterable<unknown>
    >
    stop.signal.throwIfAborted() // told to stop before it started
    for await (const value of exports[name]!(argument, stop.signal, pause.signal)) {
      if (stop.signal.aborted) break
      post({ id, type: 'value', value })
    }
    post({ id, type: 'end' })
  } catch (error) {
    // Told to stop, a generator may yield nothing more or throw that it was aborted: for its reader both are the end.
    if (error === stop.signal.reason) return post({ id, type: 'end' })
    // A clone keeps an error's message but not what else it carries.
    const { message, stack, code } = error as Error & { code?: unknown }
    post({ id, type: 'error', message, stack, code })
  } finally {
    running.delete(id)
  }
}
