/** The engine's public face: training and generation, each as a stream of events from a thread of its own. */
import type { GenerateEvent, GenerateRequest } from './generate.ts'
import { Thread } from './runtime/thread.ts'
import type { TrainEvent, TrainRun } from './train.ts'

export type { AdapterFiles } from './adapters/adapter-files.ts'
export type { GenerateEvent, GenerateRequest } from './generate.ts'
export type { Conversation } from './text/sample.ts'
export type { TrainEvent, TrainRun } from './train.ts'

/** Leaving a stream early (`break`, `return()`) stops the work behind it. */
export interface EngineThread {
  /** @throws an error with code `invalid_training_data` when the data or the settings cannot be used */
  train(run: TrainRun): AsyncGenerator<TrainEvent, void, void>
  /** @throws an error with code `context_length_exceeded`, `invalid_messages` or `invalid_adapter` when the request cannot be met */
  generate(request: GenerateRequest): AsyncGenerator<GenerateEvent, void, void>
  close(): Promise<void>
}

/** Starts a thread that holds engine sessions; idle, it does not keep the process alive. */
export function openEngine(): EngineThread {
  const thread = new Thread()
  const [training, generating] = [
    new URL('./train.ts', import.meta.url),
    new URL('./generate.ts', import.meta.url),
  ]
  return {
    train: (run) => thread.stream(training, 'train', run),
    generate: (request) => thread.stream(generating, 'generate', request),
    close: () => thread.close(),
  }
}
