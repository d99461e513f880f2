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

/** Counts until it is paused, and then says how far it came. */
export async function* countdown(_: unknown, stop: AbortSignal, pause: AbortSignal): AsyncGenerator<string> {
  let last = 0
  while (!pause.aborted && !stop.aborted) {
    await new Promise((resolve) => setImmediate(resolve))
    last += 1
    if (last === 1) yield 'counting'
  }
  yield `paused at ${last}`
}

/** One that never ends, one that can be paused, and one that counts to three. */
export const several = (_: unknown, signals: readonly { stop: AbortSignal; pause: AbortSignal }[]) => [
  wait(_, signals[0]!.stop),
  countdown(_, signals[1]!.stop, signals[1]!.pause),
  count({ to: 3 }, signals[2]!.stop),
]

/** Its first value never comes. */
export async function* wait(_: unknown, signal: AbortSignal): AsyncGenerator<never> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  signal.throwIfAborted()
}

// biome-ignore lint/correctness/useYield: the thread ends before any value
export async function* exit(): AsyncGenerator<never> {
  process.exit()
}

export async function* wasStopped(): AsyncGenerator<boolean> {
  yield stopped
}
