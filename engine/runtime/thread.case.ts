/** What thread.test.ts runs in a thread. */
import { InputError } from '../errors.ts'

let stopped = false

export async function* count({ to }: { to: number }, signal: AbortSignal): AsyncGenerator<number> {
  signal.addEventListener('abort', () => {
    stopped = true
  })
  for (let i = 1; i <= to; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    yield i
  }
}

// biome-ignore lint/correctness/useYield: a stream that fails before its first value
export async function* fail(): AsyncGenerator<never> {
  throw new InputError('invalid_adapter', 'no such adapter')
}

export async function* wasStopped(): AsyncGenerator<boolean> {
  yield stopped
}
