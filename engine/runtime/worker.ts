/** The thread's side: runs async generators by name and posts what they yield. */
import { parentPort } from 'node:worker_threads'
import type { Call, Reply } from './thread.ts'

type Values = AsyncIterable<unknown>
type Signals = { stop: AbortSignal; pause: AbortSignal }
type One = (argument: unknown, stop: AbortSignal, pause: AbortSignal) => Values
type Several = (argument: unknown, signals: readonly Signals[]) => readonly Values[]

const running = new Map<number, Record<'stop' | 'pause', AbortController>>()

parentPort!.on('message', (call: Call) => {
  switch (call.type) {
    case 'start': {
      const { stop, pause } = begin(call.id)
      const started = load<One>(call).then((one) => {
        stop.throwIfAborted() // told to stop before it started
        return one(call.argument, stop, pause)
      })
      return void tell(call.id, started, stop)
    }
    case 'start all': {
      const signals = call.ids.map(begin)
      const all = load<Several>(call).then((several) => several(call.argument, signals))
      for (const [i, id] of call.ids.entries())
        void tell(
          id,
          all.then((streams) => streams[i]!),
          signals[i]!.stop,
        )
      return
    }
    case 'stop':
    case 'pause':
      running.get(call.id)?.[call.type].abort()
  }
})

function begin(id: number): Signals {
  const controllers = { stop: new AbortController(), pause: new AbortController() }
  running.set(id, controllers)
  return { stop: controllers.stop.signal, pause: controllers.pause.signal }
}

const load = async <F>({ module, name }: { module: string; name: string }): Promise<F> =>
  ((await import(module)) as Record<string, F>)[name]!

/** Posts what a stream yields, and how it ends. */
async function tell(id: number, started: Promise<Values>, stop: AbortSignal): Promise<void> {
  const post = (reply: Reply) => parentPort!.postMessage(reply)
  try {
    for await (const value of await started) {
      if (stop.aborted) break
      post({ id, type: 'value', value })
    }
    post({ id, type: 'end' })
  } catch (error) {
    // Told to stop, a generator may yield nothing more or throw that it was aborted: for its reader both are the end.
    if (error === stop.reason) return post({ id, type: 'end' })
    // A clone keeps an error's message but not what else it carries.
    const { message, stack, code } = error as Error & { code?: unknown }
    post({ id, type: 'error', message, stack, code })
  } finally {
    running.delete(id)
  }
}
