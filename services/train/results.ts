/** A job's result file: comma-separated values, a line a step. */
import { createHash } from 'node:crypto'
import { newId } from '../../contract/ids.ts'
import type { Metrics } from '../../contract/job.ts'
import type { Curve } from '../../engine/index.ts'
import type { files } from '../../infra/db/tables/index.ts'
import type { Store } from '../../infra/store/store.ts'

const columns = 'step,train_loss,valid_loss,valid_mean_token_accuracy,learning_rate,trained_tokens'

/**
 * A line for every step, which tells of itself alone, however seldom the job's events did, and what the dev set said where
 * it was measured; step 0 is the base. How fast it went is not there: the same job gives the same file.
 */
export function metricsTable({ loss, learningRate, tokens }: Curve, metrics: readonly Metrics[]): string {
  const evaluations = new Map(
    metrics.flatMap((told) => (told.valid_loss === undefined ? [] : [[told.step, told] as const])),
  )
  const first = evaluations.has(0) ? 0 : 1
  const lines = Array.from({ length: loss.length + 1 - first }, (_, i) => {
    const step = first + i
    const { valid_loss, valid_mean_token_accuracy } = evaluations.get(step) ?? {}
    const [own, lr, total] = [loss[step - 1], learningRate[step - 1], tokens[step - 1]]
    return [step, own, valid_loss, valid_mean_token_accuracy, lr, total].join(',')
  })
  return `${[columns, ...lines].join('\n')}\n`
}

/** Puts the table into the store and answers the row of its file, not yet inserted. */
export async function storeResults(
  store: Store,
  curve: Curve,
  metrics: readonly Metrics[],
): Promise<Omit<typeof files.$inferInsert, 'project'>> {
  const content = new TextEncoder().encode(metricsTable(curve, metrics))
  const id = newId('file')
  const objectKey = `files/${id}`
  const { bytes } = await store.putBytes(objectKey, content)
  const sha256 = createHash('sha256').update(content).digest('hex')
  return {
    id,
    filename: 'step_metrics.csv',
    purpose: 'fine-tune-results',
    bytes,
    sha256,
    encoding: 'utf-8',
    objectKey,
  }
}
