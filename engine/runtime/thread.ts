import type { GenerateEvent, GenerateRequest } from '../generate.ts'
import type { TrainEvent, TrainRun } from '../train.ts'

/**
 * A worker thread that holds engine sessions, so that no caller's thread waits behind a run.
 * Leaving a stream early (`break`, `return()`) stops the work behind it.
 */
export interface EngineThread {
  train(run: TrainRun): AsyncGenerator<TrainEvent, void, void>
  generate(request: GenerateRequest): AsyncGenerator<GenerateEvent, void, void>
  close(): Promise<void>
}
