/** The thread's side: runs async generators by name and posts what they yield. */
import { parentPort } from 'node:worker_threads'
import type { Call, Reply } from './thread.ts'

const running = new Map<number, AbortController>()

parentPort!.on('message', (call: Call) => {
  if (call.type === 'stop') running.get(call.id)?.abort()
  else void stream(call)
})

async function stream({ id, module, name, argument }: Extract<Call, { type: 'start' }>): Promise<void> {
  const post = (reply: Reply) => parentPort!.postMessage(reply)
  const controller = new AbortController()
  running.set(id, controller)
  try {
    const exports = (await import(module)) as Record<
      string,
      (a: unknown, s: AbortSignal) => AsyncIterable<unknown>
    >
    controller.signal.throwIfAborted() // told to stop before it started
    for await (const value of exports[name]!(argument, controller.signal)) {
      if (controller.signal.aborted) break
      post({ id, type: 'value', value })
    }
    post({ id, type: 'end' })
  } catch (error) {
    // Told to stop, a generator may yield nothing more or throw that it was aborted: for its reader both are the end.
    if (error === controller.signal.reason) return post({ id, type: 'end' })
    // A clone keeps an error's message but not what else it carries.
    const { message, stack, code } = error as Error & { code?: unknown }
    post({ id, type: 'error', message, stack, code })
  } finally {
    running.delete(id)
  }
}
