import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionError, PullError } from './hub.ts'

/** Waits before each further attempt, in ms. */
export const patience: readonly number[] = [1000, 2000, 5000, 10_000, 20_000]

type Options = {
  waits: readonly number[]
  signal: AbortSignal
  /** Grows with what has been achieved: an attempt that got further begins the waits anew. */
  progress?: () => number
  /** What to say, after the reason, when no attempt is left. */
  advice: string
}

/**
 * Tries again, a few times, what a broken connection ended.
 * @throws PullError `connection` when it stays broken; other failures as they are, at once
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  { waits, signal, progress = () => 0, advice }: Options,
): Promise<T> {
  let failures = 0
  let reached = progress()
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (!isConnection(error)) throw error
      if (progress() > reached) failures = 0
      reached = progress()
      const wait = waits[failures++]
      if (wait === undefined)
        throw new PullError('connection', `${reasonOf(error)}; ${advice}`, { cause: error })
      await sleep(wait, undefined, { signal })
    }
  }
}

/** Fetch tells what its connection met as the cause of a TypeError, and so do the streams of its answers. */
const isConnection = (error: unknown): error is Error =>
  error instanceof ConnectionError || (error instanceof TypeError && error.cause !== undefined)

const reasonOf = ({ message, cause }: Error) =>
  cause instanceof Error ? `${message} (${cause.message || (cause as NodeJS.ErrnoException).code})` : message
