import { type TrainEvent, type TrainRun, train } from './train.ts'
import { groupOf } from './training/group.ts'

/** Ask a run to stop at once, and to end after its step with a `state`. */
type Signals = { stop?: AbortSignal; pause?: AbortSignal }

/**
 * Trains several runs on one base and device at the same time. Each tells what `train` would tell, has its own optimizer,
 * schedule and order of data, and ends, fails, stops or is paused without the others; batches of prefixes with as many
 * virtual tokens run as one. Losses are those of `train` to 1e-4, not to the last digit: a batch of another size is summed
 * up in another order. A state may be taken up together with others or alone.
 * All of what this returns has to be read at the same time: each run waits for the others' next batches.
 */
export function trainTogether(
  runs: readonly TrainRun[],
  signals: readonly Signals[] = [],
): AsyncGenerator<TrainEvent, void, void>[] {
  const places = groupOf(runs.length)
  return runs.map((run, i) => train(run, signals[i]?.stop, signals[i]?.pause, places[i]))
}
