import type { EngineThread, TrainEvent, TrainRun } from '../../engine/index.ts'
import { JobFailure } from './fail.ts'

/** Opens a thread for one run. */
export type OpenEngine = () => EngineThread

/**
 * What a run tells, from a thread of its own. Paused, it ends with a state; stopped, it ends within a step, tells nothing
 * more and frees all its memory.
 * @throws JobFailure when the training cannot go on, `stop.reason` when it was stopped
 */
export async function* trainingMoments(
  openEngine: OpenEngine,
  run: TrainRun,
  { stop, pause }: { stop: AbortSignal; pause: AbortSignal },
): AsyncGenerator<TrainEvent, void, void> {
  stop.throwIfAborted()
  const engine = openEngine()
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= engine.close()
  }
  stop.addEventListener('abort', close)
  const moments = engine.train(run)
  const rest = () => moments.pause()
  pause.addEventListener('abort', rest)
  try {
    yield* moments
  } catch (error) {
    if (!stop.aborted) throw failureOf(error as Error & { code?: unknown })
  } finally {
    stop.removeEventListener('abort', close)
    pause.removeEventListener('abort', rest)
    close()
    await closed
  }
  stop.throwIfAborted()
}

function failureOf(error: Error & { code?: unknown }): JobFailure {
  if (error.code === 'invalid_training_data') {
    return new JobFailure(error.code, error.message, { param: 'training_file', cause: error })
  }
  if (error.code === 'device_unavailable')
    return new JobFailure(error.code, error.message, { param: 'training_args.device', cause: error })
  const message = "the training failed inside the server; the worker's log says why"
  return new JobFailure('server_error', message, { cause: error })
}
