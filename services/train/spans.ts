/** A job as spans, made of what its run tells: the engine knows nothing of traces. */
import type { TrainEvent } from '../../engine/index.ts'
import { beginSpan, inSpan, inSpanOf, pastSpan } from '../../infra/traces/spans.ts'
import type { JobRow } from './job.ts'

/** Does a part of a job's work, in the trace of the request that asked for the job. */
export const inJob = <T>({ id, trace, model, attempt }: JobRow, name: string, work: () => Promise<T>) =>
  inSpanOf(trace, name, { 'preamble.job.id': id, 'preamble.base': model, 'preamble.attempt': attempt }, work)

/** The spans of a run, from here on. */
export function runSpans() {
  const begun = Date.now()
  let training: ReturnType<typeof beginSpan> | undefined

  /** Does what a moment asks for, in a span of its own where that takes time. */
  async function during<T>(moment: TrainEvent, work: () => Promise<T>): Promise<T> {
    const within = <R>(run: () => R): R => (training ? training.run(run) : run())
    switch (moment.type) {
      case 'start':
        pastSpan('plan', begun)
        training = beginSpan('train', { 'preamble.steps': moment.steps })
        return work()
      case 'eval':
        within(() => pastSpan('evaluate', Date.now() - moment.ms, { 'preamble.step': moment.step }))
        return work()
      case 'checkpoint':
      case 'state':
        return within(() => inSpan(`keep ${moment.type}`, { 'preamble.step': moment.step }, work))
      case 'end':
        leave()
        return inSpan('keep adapter', { 'preamble.step': moment.step }, work)
      case 'step':
      case 'quantize':
      case 'split':
        return work()
    }
  }

  function leave() {
    training?.span.end()
    training = undefined
  }

  return { during, [Symbol.dispose]: leave }
}
