/** The engine's public face: training, generation and adapters in and out, in a thread of its own. */
import type { AdapterFiles } from './adapters/adapter-files.ts'
import type { AdapterSource, ResidentAdapter } from './adapters/resident.ts'
import type { EngineStats } from './decoding/stats.ts'
import type { ChatglmExport } from './exchange/export-chatglm.ts'
import type { ImportedAdapter, ImportRequest } from './exchange/import-adapter.ts'
import type { GenerateEvent, GenerateRequest } from './generate.ts'
import type { Plan } from './plan/plan.ts'
import type { PlanTrainingRequest } from './plan/plan-training.ts'
import type { Device } from './runtime/device.ts'
import { type Stream, Thread } from './runtime/thread.ts'
import type { EngineSettings } from './settings.ts'
import type { TrainEvent, TrainRun } from './train.ts'

export { type AdapterFiles, adapterHash, tensorFile } from './adapters/adapter-files.ts'
export type { AdapterSource, ResidentAdapter } from './adapters/resident.ts'
export { checkBase, checkConfig } from './check-base.ts'
export type { ReplyFormat } from './decoding/constraint.ts'
export type { TokenLogprob } from './decoding/logprobs.ts'
export type { Prompt } from './decoding/prompt.ts'
export { namedBase } from './exchange/foreign-files.ts'
export type { GenerateEvent, GenerateRequest } from './generate.ts'
export type { Plan } from './plan/plan.ts'
export { defaultCacheBytes } from './settings.ts'
export type { TrainEvent, TrainingState, TrainRun } from './train.ts'
export type { Curve } from './training/curve.ts'

/** Leaving a stream early (`break`, `return()`) stops the work behind it. */
export interface EngineThread {
  /**
   * Trains one run, or several on one base and device at the same time: each has a stream and an end of its own. Paused, a
   * run ends after the step it is in with a `state`. The work starts at once.
   * @throws in a run's stream: an error with code `invalid_training_data` when the data or the settings cannot be used, or
   * `device_unavailable` when the device is not there
   */
  trainTogether(runs: readonly TrainRun[]): Stream<TrainEvent>[]
  /**
   * @throws an error with code `context_length_exceeded`, `invalid_messages`, `invalid_prompt`, `invalid_format`,
   * `invalid_logit_bias` or `invalid_adapter` when the request cannot be met
   */
  generate(request: GenerateRequest): AsyncGenerator<GenerateEvent, void, void>
  /** @throws an error with code `invalid_adapter` when the files cannot be used or do not fit their base */
  importAdapter(request: ImportRequest): Promise<ImportedAdapter>
  /** @throws an error with code `invalid_adapter` when it is no prefix of a chatglm base */
  exportChatglm(request: ChatglmExport): Promise<AdapterFiles>
  /** @throws an error with code `device_unavailable` that says what is missing when the device cannot be used */
  checkDevice(device: Device): Promise<void>
  /** @throws an error with code `invalid_training_data` when the settings do not fit the base, or the run not into memory */
  plan(request: PlanTrainingRequest): Promise<Plan>
  /** @throws an error that says why nothing can run here any more */
  check(): void
  stats(): Promise<EngineStats>
  /** The adapters in memory; requests bring them there by themselves. */
  readonly adapters: {
    list(): Promise<ResidentAdapter[]>
    /**
     * Reads an adapter before the first request needs it; pinned, it stays until it is unpinned or dropped.
     * @throws an error with code `invalid_adapter`, or `adapters_full` when there is no room for one more that stays
     */
    load(source: AdapterSource & { pin: boolean }): Promise<void>
    unpin(source: AdapterSource): Promise<void>
    /** Forgets what was read from a directory; requests in flight go on with what they have. */
    drop(directory: string): Promise<void>
  }
  close(): Promise<void>
}

/** Starts a thread that holds engine sessions; idle, it does not keep the process alive. */
export function openEngine(settings: EngineSettings = {}): EngineThread {
  const thread = new Thread({ engineSettings: settings })
  const [training, generating, importing, exporting, checking, planning, counting, adapting] = [
    new URL('./train-together.ts', import.meta.url),
    new URL('./generate.ts', import.meta.url),
    new URL('./exchange/import-adapter.ts', import.meta.url),
    new URL('./exchange/export-chatglm.ts', import.meta.url),
    new URL('./runtime/device.ts', import.meta.url),
    new URL('./plan/plan-training.ts', import.meta.url),
    new URL('./decoding/stats.ts', import.meta.url),
    new URL('./decoding/adapters.ts', import.meta.url),
  ]
  return {
    trainTogether: (runs) => thread.streams(training, 'trainTogether', runs, runs.length),
    generate: (request) => thread.stream(generating, 'generate', request),
    importAdapter: (request) => only(thread.stream(importing, 'importAdapter', request)),
    exportChatglm: (request) => only(thread.stream(exporting, 'exportChatglm', request)),
    plan: (request) => only(thread.stream(planning, 'planTraining', request)),
    checkDevice: (device) => only(thread.stream(checking, 'checkDevice', device)),
    check: () => thread.check(),
    stats: () => only(thread.stream(counting, 'stats', undefined)),
    adapters: {
      list: () => only(thread.stream(adapting, 'listAdapters', undefined)),
      load: (source) => only(thread.stream(adapting, 'loadAdapter', source)),
      unpin: (source) => only(thread.stream(adapting, 'unpinAdapter', source)),
      drop: (directory) => only(thread.stream(adapting, 'dropAdapter', directory)),
    },
    close: () => thread.close(),
  }
}

/** The one value of a stream. */
async function only<T>(stream: AsyncGenerator<T, void, void>): Promise<T> {
  for await (const value of stream) return value
  throw new Error('the engine thread stopped before it was done')
}
