/** A job's result file: its metrics as comma-separated values, a line a step. */
import { createHash } from 'node:crypto'
import { newId } from '../../contract/ids.ts'
import type { Metrics } from '../../contract/job.ts'
import type { files } from '../../infra/db/tables/index.ts'
import type { Store } from '../../infra/store/store.ts'

const columns = [
  ...(['step', 'train_loss', 'valid_loss', 'valid_mean_token_accuracy'] as const),
  ...(['learning_rate', 'tokens_per_second'] as const),
]

/** One line for each step that told something, in order; what it did not tell is empty. */
export function metricsTable(metrics: readonly Metrics[]): string {
  const bySteps = new Map<number, Partial<Metrics>>()
  for (const told of metrics) bySteps.set(told.step, { ...bySteps.get(told.step), ...told })
  const lines = [...bySteps.values()].map((row) => columns.map((column) => row[column] ?? '').join(','))
  return `${[columns.join(','), ...lines].join('\n')}\n`
}

/** Puts the table into the store and answers the row of its file, not yet inserted. */
export async function storeResults(
  store: Store,
  metrics: readonly Metrics[],
): Promise<Omit<typeof files.$inferInsert, 'project'>> {
  const content = new TextEncoder().encode(metricsTable(metrics))
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
