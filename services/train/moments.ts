import type { EngineThread, TrainEvent, TrainRun } from '../../engine/index.ts'
import { JobFailure } from './fail.ts'

/** Opens a thread for one run. */
export type OpenEngine = () => EngineThread

/**
 * What a run tells, from a thread of its own: closing it ends the work within a step and frees all its memory.
 * @throws JobFailure when the training cannot go on, `stop.reason` when it was stopped
 */
export async function* trainingMoments(
  openEngine: OpenEngine,
  run: TrainRun,
  stop: AbortSignal,
): AsyncGenerator<TrainEvent, void, void> {
  stop.throwIfAborted()
  const engine = openEngine()
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= engine.close()
  }
  stop.addEventListener('abort', close)
  try {
    yield* engine.train(run)
  } catch (error) {
    if (!stop.aborted) throw failureOf(error as Error & { code?: unknown })
  } finally {
    stop.removeEventListener('abort', close)
    close()
    await closed
  }
  stop.throwIfAborted()
}

function failureOf(error: Error & { code?: unknown }): JobFailure {
  if (error.code === 'invalid_training_data') {
    return new JobFailure(error.code, error.message, { param: 'training_file', cause: error })
  }
  const message = "the training failed inside the server; the worker's log says why"
  return new JobFailure('server_error', message, { cause: error })
}
