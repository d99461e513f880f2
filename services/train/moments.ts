import type { EngineThread, TrainEvent } from '../../engine/index.ts'
import { JobFailure } from './fail.ts'

/** Opens a thread for one run, or for those that are trained together. */
export type OpenEngine = () => EngineThread

/**
 * What a run tells. Paused, it ends with a state; stopped, it ends within a step and tells nothing more.
 * @throws JobFailure when the training cannot go on, `stop.reason` when it was stopped
 */
export async function* trainingMoments(
  run: ReturnType<EngineThread['trainTogether']>[number],
  { stop, pause }: { stop: AbortSignal; pause: AbortSignal },
): AsyncGenerator<TrainEvent, void, void> {
  const leave = () => void run.return()
  const rest = () => run.pause()
  stop.addEventListener('abort', leave)
  pause.addEventListener('abort', rest)
  try {
    if (stop.aborted) await run.return()
    if (pause.aborted) rest()
    yield* run
  } catch (error) {
    if (!stop.aborted) throw failureOf(error as Error & { code?: unknown })
  } finally {
    stop.removeEventListener('abort', leave)
    pause.removeEventListener('abort', rest)
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
