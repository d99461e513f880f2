import { and, asc, eq } from 'drizzle-orm'
import type { Metrics } from '../../contract/job.ts'
import type { Database } from '../../infra/db/client.ts'
import { jobCheckpoints, jobEvents } from '../../infra/db/tables/index.ts'
import type { JobId } from './job.ts'

/**
 * What a job has told before: a run that is taken up tells some of it again, the same to the last digit, and it must
 * not be written down twice.
 */
export type Told = {
  metrics: Metrics[]
  step: number
  evaluations: ReadonlySet<number>
  checkpoints: ReadonlySet<number>
}

export async function readTold(db: Database, id: JobId): Promise<Told> {
  const rows = await db
    .select({ data: jobEvents.data })
    .from(jobEvents)
    .where(and(eq(jobEvents.jobId, id), eq(jobEvents.type, 'metrics')))
    .orderBy(asc(jobEvents.position))
  const metrics = rows.flatMap(({ data }) => data ?? [])
  const kept = await db
    .select({ step: jobCheckpoints.stepNumber })
    .from(jobCheckpoints)
    .where(eq(jobCheckpoints.jobId, id))
  const stepsWith = (key: 'train_loss' | 'valid_loss') =>
    metrics.filter((m) => m[key] !== undefined).map(({ step }) => step)
  return {
    metrics,
    step: stepsWith('train_loss').reduce((most, step) => Math.max(most, step), 0),
    evaluations: new Set(stepsWith('valid_loss')),
    checkpoints: new Set(kept.map(({ step }) => step)),
  }
}
