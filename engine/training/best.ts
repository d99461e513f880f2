import type { Parameters } from '../adapters/adapter.ts'
import type { Evaluation } from './dev-set.ts'
import type { TrainingArgs } from './training-args.ts'

/** The best evaluation of a run so far. */
export type Best = {
  step: number
  /** Of `metric_for_best_model`. */
  value: number
  /** Evaluations in a row, up to the last one, that were not better by more than the threshold. */
  stale: number
  /** A copy of what was evaluated. */
  parameters: Parameters
}

type Rule = Pick<
  TrainingArgs,
  'metric_for_best_model' | 'early_stopping_patience' | 'early_stopping_threshold'
>

/**
 * The best after one more evaluation. As in transformers, a small improvement makes a new best, but only one beyond the
 * threshold is worth going on for. A loss that is no number changes nothing.
 * @throws an Error when nobody measured the metric
 */
export function bestOf(
  best: Best | undefined,
  { step, evaluation, parameters }: { step: number; evaluation: Evaluation; parameters: Parameters },
  { metric_for_best_model, early_stopping_threshold }: Rule,
): Best | undefined {
  const metric = metric_for_best_model.replace(/^eval_/, '') as keyof Evaluation
  const value = evaluation[metric]
  if (value === undefined)
    throw new Error(`metric_for_best_model "${metric}" is not measured without predict_with_generate`)
  if (Number.isNaN(value)) return best
  const upwards = metric === 'loss' ? -1 : 1
  const gain = best ? upwards * (value - best.value) : Number.POSITIVE_INFINITY
  const stale = gain > early_stopping_threshold ? 0 : (best?.stale ?? 0) + 1
  if (best && gain <= 0) return { ...best, stale }
  const copy = [...parameters].map(
    ([name, { shape, data }]) => [name, { shape, data: data.slice() }] as const,
  )
  return { step, value, stale, parameters: new Map(copy) }
}

/** Whether it was waited long enough for a better evaluation. */
export const isWaitOver = (best: Best | undefined, { early_stopping_patience: patience }: Rule): boolean =>
  patience > 0 && (best?.stale ?? 0) >= patience
